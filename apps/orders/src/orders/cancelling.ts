import type { Kysely } from 'kysely'
import type { OrdersDatabase } from '../database/schema.ts'
import { giveBack } from '../stock/repository.ts'
import { type Mover, move } from './moving.ts'
import type { Order } from './order.ts'

/**
 * Cancels an order that is still placed and gives back what it had taken, in one transaction.
 *
 * @returns false when it is not placed any more. A worker that is at it at the same moment wins or loses as a whole: both
 * change the same row, and the second finds it changed
 */
export function cancel(db: Kysely<OrdersDatabase>, order: Order, mover: Mover): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    if (!(await move(trx, { id: order.id, from: 'placed', to: 'cancelled' }, mover))) return false
    await giveBack(trx, order.items)
    return true
  })
}
