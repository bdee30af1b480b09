import type { Metric } from '@lockstep/redis'
import type { Ended, SessionBus } from './bus.ts'
import type { SessionCalls } from './calls.ts'
import { tagOfUser } from './id.ts'
import { metricsOf } from './metrics.ts'
import { recordOf, type SessionRecord } from './record.ts'
import * as scripts from './scripts.ts'

/** One of a user's sessions, for a page that shows them: without what it holds. */
export interface SessionInfo extends Omit<SessionRecord, 'data'> {
  /** Names the session without opening it. */
  readonly reference: string
}

/** Sessions as seen from outside of a request: by a page of a user's devices, or by an admin. */
export interface Sessions {
  /** Those that live, the latest first. @throws {ProblemError} 503, here and below, when Redis does not answer */
  list(user: string): Promise<SessionInfo[]>
  /** Ends one of a user's sessions; tells whether it lived. */
  end(user: string, reference: string): Promise<boolean>
  /** Ends all sessions of a user. Resolves to how many were known. */
  endAll(user: string): Promise<number>
  /** To be asked before a user's password is checked, and given to `login`. It changes when the user is logged out everywhere. */
  generation(user: string): Promise<string>
  /**
   * Calls back on this replica when a session ends by a log-out, a login or an admin on any, until the returned function is
   * called. That a session was not used for too long is not announced.
   */
  onEnded(listener: (ended: Ended) => void): () => void
  metrics(): Metric[]
}

/** @param absolute milliseconds: for how long a generation is known at least, so that it outlasts each of its sessions */
export function sessionsOf(calls: SessionCalls, bus: SessionBus, absolute: number): Sessions {
  const { keys, counts } = calls
  return {
    async list(user) {
      const tag = tagOfUser(user)
      const references = await calls.run(tag, scripts.index, [keys.user(tag)], [])
      const records = references.map((reference) => keys.record(tag, reference))
      const found = await calls.run(tag, scripts.describe, [keys.user(tag), ...records], references)
      return references
        .flatMap((reference, i) => infoOf(reference, found[i]))
        .toSorted((one, other) => other.seen - one.seen || other.created - one.created)
    },
    end: async (user, reference) => (await calls.end(tagOfUser(user), reference, { user })) === true,
    async endAll(user) {
      const tag = tagOfUser(user)
      const args = [absolute, keys.publish, keys.channel(keys.shardOf(tag)), user]
      const references = await calls.run(tag, scripts.endAll, [keys.user(tag)], args)
      counts.destroyed += references.length
      await calls.forget(tag, references)
      return references.length
    },
    async generation(user) {
      const tag = tagOfUser(user)
      return calls.run(tag, scripts.generation, [keys.user(tag)], [absolute])
    },
    onEnded: (listener) => bus.onEnded(listener),
    metrics: () => metricsOf(counts),
  }
}

function infoOf(reference: string, [, ...fields]: scripts.Found = []): SessionInfo[] {
  const record = recordOf(fields)
  if (!record) return []
  const { user, created, seen, ends, agent } = record
  return [{ reference, user, created, seen, ends, agent }]
}
