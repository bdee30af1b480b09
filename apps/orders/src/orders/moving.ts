import { type Kysely, sql } from 'kysely'
import type { OrdersDatabase } from '../database/schema.ts'
import type { OrderState } from './order.ts'

/** Who moves an order on. */
export interface Mover {
  /** A user, or `worker`. */
  readonly actor: string
  /** The process. */
  readonly replica: string
  /** Of the lock that it holds. */
  readonly fence?: number
}

interface Move {
  readonly id: number
  readonly from: OrderState
  readonly to: OrderState
}

/**
 * Moves an order from one state to the next and notes who did, in a transaction of the caller.
 *
 * @returns false when it is not in the first state (any more): then nothing was written. Of two that try at once, the
 * second waits for the first, and finds it moved
 */
export async function move(
  trx: Kysely<OrdersDatabase>,
  { id, from, to }: Move,
  mover: Mover,
): Promise<boolean> {
  const moved = await trx
    .updateTable('orders')
    .set({ state: to, updated_at: sql<Date>`now()`, announce_after: sql<Date>`now()` })
    .where('id', '=', id)
    .where('state', '=', from)
    .executeTakeFirst()
  if (moved.numUpdatedRows === 0n) return false
  await note(trx, id, to, mover)
  return true
}

/** Adds to the history of an order. */
export async function note(
  trx: Kysely<OrdersDatabase>,
  id: number,
  state: OrderState,
  { actor, replica, fence = null }: { actor: string; replica: string; fence?: number | null },
): Promise<void> {
  await trx.insertInto('order_history').values({ order_id: id, state, actor, replica, fence }).execute()
}
