import type { List, Once } from '@lockstep/redis'
import type { Feeds } from '../feed/feed.ts'
import type { UserMessages } from './messages.ts'
import type { Notice } from './notice.ts'

/** Gives users their notices: into the inbox, onto the feed, and a message to whoever waits for it. */
export interface Notices {
  /**
   * At most once for a notice's id in each place, so that it may be repeated until it succeeds.
   *
   * @returns how many replicas heard the message
   * @throws {RedisUnavailableError} when some of it may be missing
   */
  give(user: string, notice: Notice): Promise<number>
}

/** @param memory milliseconds for which a notice's id is known */
export function noticesOf(
  inboxes: List<Notice>,
  feeds: Feeds,
  messages: UserMessages,
  memory: number,
): Notices {
  return {
    async give(user, notice) {
      const once: Once = { id: notice.id, ttl: memory }
      await Promise.all([inboxes.push(user, notice, { once }), feeds.add(user, notice, once)])
      return messages.tell(user, notice.id)
    },
  }
}
