import { keySpace, openRedis, type RedisLink, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown } from '@lockstep/testing'
import { createLimiter, type Limiter, type LimiterOptions } from '../../src/index.ts'
import { type PolicyOptions, policySpec } from '../../src/limit/options.ts'
import { redisStore } from '../../src/limit/redis-store.ts'
import { limitScript, scriptOf } from '../../src/limit/scripts.ts'
import type { Store } from '../../src/limit/store.ts'

/** A link for the length of a test, patient enough for a busy machine. */
export async function openLink(t: Teardown, place: Readonly<Record<string, string>>): Promise<RedisLink> {
  const settings = readSettings(RedisSettings, { REDIS_COMMAND_TIMEOUT: '5s', ...place })
  const link = openRedis(settings, 'limits', recordingLogger())
  t.teardown(() => link.close())
  if (!(await link.whenAvailable(30_000))) throw new Error(`${link.endpoint} does not answer`)
  return link
}

/** A limiter on a Redis for the length of a test. */
export async function openLimiter(t: Teardown, url: string, options: Partial<LimiterOptions> = {}) {
  const link = await openLink(t, { REDIS_URL: url })
  const logger = recordingLogger()
  const limiter: Limiter = createLimiter({ redis: link, prefix: 'test', logger, ...options })
  return { link, limiter, logger }
}

/** For tests that are not about patience, on a machine that may be busy. */
export const patient = { storeTimeout: '5s' } as const

/** Where a script with {@link steeredStore} reads the time. */
const CLOCK = '{0}clock'

/** A store whose server has the time that it is told, in µs; the commands keep the order in which they are given. */
export function steeredStore(link: RedisLink, options: PolicyOptions, prefix = 'test') {
  const spec = policySpec(options)
  const script = limitScript(spec.kind, `local now = tonumber(redis.call('GET', '${CLOCK}'))\n`)
  const store: Store = redisStore(link, keySpace(prefix, link.shards), spec.name, spec.tiers, script)
  const setTime = (micros: number) => link.run((redis) => redis.set(CLOCK, `${micros}`, 'PX', 3_600_000))
  return { spec, store, setTime, script, plain: scriptOf(spec.kind) }
}

/** Permits that were given, and when. */
export interface Given {
  readonly at: number
  readonly permits: number
}

/** The oracle: the most permits that any rolling window holds, wherever it begins. */
export function mostInWindow(given: readonly Given[], window: number): number {
  const sorted = given.toSorted((a, b) => a.at - b.at)
  let [most, held, first] = [0, 0, 0]
  for (const { at, permits } of sorted) {
    held += permits
    for (let oldest = sorted[first]; oldest && oldest.at <= at - window; oldest = sorted[++first]) {
      held -= oldest.permits
    }
    most = Math.max(most, held)
  }
  return most
}
