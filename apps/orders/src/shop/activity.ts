import type { Announcement } from '../orders/announcing.ts'
import { ask, ShopAwayError } from './away.ts'

/** Activity, over HTTP: it is told what was ordered. */
export interface Activity {
  /** Resolves when it has acknowledged. The same event may be announced again. @throws {ShopAwayError} */
  announce(announcement: Announcement): Promise<void>
}

/** As much of a title as people need to know it by: all of an order must fit into one request. */
const LONGEST_TITLE = 200
const shortened = (title: string): string => title.slice(0, LONGEST_TITLE).toWellFormed()

/** @param token of this service, anew for each request */
export const activityAt = (shop: string, timeout: number, token: () => Promise<string>): Activity => ({
  async announce({ eventId, order }) {
    const event = {
      id: eventId,
      type: 'order.completed',
      user: order.user,
      orderId: String(order.id),
      items: order.items.map((item) => ({ ...item, title: shortened(item.title) })),
    }
    const { status } = await ask('activity', new URL('/events', shop), {
      method: 'POST',
      headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' },
      body: JSON.stringify(event),
      timeout,
    })
    if (status < 200 || status > 299) throw new ShopAwayError('activity', `answers ${status}`)
  },
})
