import { type Kysely, sql } from 'kysely'
import type { OrdersDatabase } from '../database/schema.ts'
import { type Mover, move } from './moving.ts'
import type { Order } from './order.ts'
import { withItems } from './rows.ts'

/** An order that is to be announced. */
export interface Announcement {
  /** The same at each attempt. */
  readonly eventId: string
  readonly order: Order
}

/** When another attempt is made: milliseconds. */
export interface Patience {
  /** The longest that one attempt takes: nobody else tries meanwhile. */
  readonly attempt: number
  /** The pause after the first attempt; each is twice the one before. */
  readonly first: number
  readonly longest: number
}

/** Doubling it more often is no use, and too great a number for an interval. */
const MOST_DOUBLINGS = 20

/**
 * Takes orders to announce, the longest due first. Taking one says when its next attempt is due, so one whose taker dies is
 * taken again then, and no two replicas take the same at once.
 */
export async function takeAnnouncements(
  db: Kysely<OrdersDatabase>,
  limit: number,
  { attempt, first, longest }: Patience,
): Promise<Announcement[]> {
  const pause = sql`least(${longest}, ${first} * power(2, least(announce_attempts, ${MOST_DOUBLINGS})))`
  const rows = await db
    .with('due', (trx) =>
      trx
        .selectFrom('orders')
        .select('id')
        .where('state', '=', 'processed')
        .where('announce_after', '<=', sql<Date>`now()`)
        .orderBy('announce_after')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .updateTable('orders')
    .from('due')
    .whereRef('orders.id', '=', 'due.id')
    .set((eb) => ({
      announce_attempts: eb('announce_attempts', '+', 1),
      announce_after: sql<Date>`now() + (${attempt} + ${pause}) * interval '1 millisecond'`,
    }))
    .returning(['orders.id', 'user_id', 'state', 'placed_at', 'updated_at', 'event_id'])
    .execute()
  const orders = await withItems(db, rows)
  const events = new Map(rows.map(({ id, event_id }) => [id, event_id]))
  return orders.flatMap((order) => {
    const eventId = events.get(order.id)
    return eventId === undefined ? [] : [{ eventId, order }]
  })
}

/** It was announced. @returns false when another replica has said so before */
export const complete = (db: Kysely<OrdersDatabase>, id: number, mover: Mover): Promise<boolean> =>
  db.transaction().execute((trx) => move(trx, { id, from: 'processed', to: 'completed' }, mover))
