import { type RedisLink, runScript } from '@lockstep/redis'
import { storeUnavailable } from './errors.ts'
import type { SessionKeys } from './keys.ts'
import type { SessionCounts } from './metrics.ts'
import { end, type SessionScript } from './scripts.ts'

/** What the scripts are run with. */
export interface SessionCalls {
  readonly keys: SessionKeys
  readonly counts: SessionCounts
  /** @throws {ProblemError} 503 for whatever goes wrong */
  run<Reply>(
    tag: string,
    script: SessionScript<Reply>,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<Reply>
  /**
   * Tells whether it lived; `rotated`: a login has given it another id, and it is left as it is.
   *
   * @param options.user ends it only if it is this user's
   * @param options.rotated a login is about to give it another id
   */
  end(
    tag: string,
    reference: string,
    options?: { user?: string; rotated?: boolean },
  ): Promise<boolean | 'rotated'>
  /** Removes records that are over, or too many, to make room; what it cannot reach now ends at its idle limit. */
  forget(tag: string, references: readonly string[]): Promise<void>
}

export function sessionCalls(link: RedisLink, keys: SessionKeys, counts: SessionCounts): SessionCalls {
  const run: SessionCalls['run'] = async (tag, script, keyNames, args) => {
    try {
      return await link.run((redis) => runScript(redis, script, keyNames, args), keys.shardOf(tag))
    } catch (error) {
      counts.storeErrors++
      throw storeUnavailable(error)
    }
  }
  return {
    keys,
    counts,
    run,
    async end(tag, reference, { user = '', rotated = false } = {}) {
      const args = [reference, user, rotated ? 1 : 0, keys.publish, keys.channel(keys.shardOf(tag))]
      const found = await run(tag, end, [keys.record(tag, reference), keys.user(tag)], args)
      if (found === 'rotated') {
        if (!rotated) counts.ended++
        return found
      }
      if (found !== 'alive') return false
      counts.destroyed++
      if (rotated) counts.rotated++
      return true
    },
    async forget(tag, references) {
      if (references.length === 0) return
      const records = references.map((reference) => keys.record(tag, reference))
      await link
        .run((redis) => redis.del(...records), keys.shardOf(tag))
        .catch(() => {
          counts.storeErrors++
        })
    },
  }
}
