import type { Announcement } from '../orders/announcing.ts'
import type { Activity } from '../shop/activity.ts'

export interface AnnouncerOptions {
  readonly activity: Activity
  /** Takes orders that are due: no other replica takes them before their next attempt is due. */
  readonly take: (limit: number) => Promise<readonly Announcement[]>
  /** The order was announced. */
  readonly complete: (orderId: number) => Promise<unknown>
}

/** How many announcements are under way at once. */
const BATCH = 10

/**
 * One look for orders to announce. Each is announced at least once, always with the same event id: its next attempt is due
 * by itself, unless an acknowledgement was noted.
 *
 * @returns the look: resolves to whether there may be more at once, rejects when one could not be announced
 */
export function announcerPass({ activity, take, complete }: AnnouncerOptions) {
  const announce = async (announcement: Announcement) => {
    await activity.announce(announcement)
    await complete(announcement.order.id)
  }

  return async (): Promise<boolean> => {
    const due = await take(BATCH)
    const announced = await Promise.allSettled(due.map(announce))
    const failed = announced.find((ended) => ended.status === 'rejected')
    if (failed) throw failed.reason
    return due.length === BATCH
  }
}
