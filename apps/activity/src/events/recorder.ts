import type { Leaderboard } from '../leaderboard/leaderboard.ts'
import type { Notices } from '../notices/notices.ts'
import { noticeOf, type OrderCompleted, quantities } from './event.ts'

/**
 * Records an event everywhere. Each place knows by itself which events it has, so that an event that is sent again, after a
 * failure halfway or for no reason, completes what is missing and counts nothing twice.
 *
 * @param memory milliseconds for which an event is known
 * @throws {RedisUnavailableError} when some of it may be missing: it must be sent again
 */
export function recorder(leaderboard: Leaderboard, notices: Notices, memory: number) {
  return async (event: OrderCompleted, at: Date): Promise<void> => {
    const once = { id: event.id, ttl: memory }
    await Promise.all([...quantities(event)].map(([bookId, by]) => leaderboard.add(bookId, by, once)))
    await notices.give(event.user, noticeOf(event, at))
  }
}

export type RecordEvent = ReturnType<typeof recorder>
