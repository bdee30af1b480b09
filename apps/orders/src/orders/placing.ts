import type { Kysely } from 'kysely'
import type { OrdersDatabase } from '../database/schema.ts'
import { reserve, type Short } from '../stock/repository.ts'
import { byBook, fingerprintOf } from './fingerprint.ts'
import { note } from './moving.ts'
import type { Item, Order } from './order.ts'
import { type Earlier, findByKey } from './reading.ts'
import { ORDER_COLUMNS, withItems } from './rows.ts'

/** What a user wants, under a key that makes it safe to ask again. */
export interface Placement {
  readonly user: string
  readonly key: string
  readonly items: readonly Item[]
}

/** What became of it. */
export type Placed =
  | { readonly kind: 'placed'; readonly order: Order }
  /** The key has led to this order before. */
  | { readonly kind: 'repeated'; readonly order: Order }
  /** The key came with another body before. */
  | { readonly kind: 'reused' }
  | { readonly kind: 'out-of-stock'; readonly short: Short }

/**
 * Writes an order, its key and what it takes from the stock in one transaction: all of it is there, or nothing. Of several
 * with the same key at once, on whichever replicas, the first inserts; the others wait at the unique index until it has
 * ended, and then find its order. If it failed, the next one takes its place: a failure is not remembered.
 */
export async function place(
  db: Kysely<OrdersDatabase>,
  { user, key, items }: Placement,
  { initialStock, replica }: { readonly initialStock: number; readonly replica: string },
): Promise<Placed> {
  const fingerprint = fingerprintOf(items)
  try {
    return await db.transaction().execute(async (trx): Promise<Placed> => {
      const row = await trx
        .insertInto('orders')
        .values({ user_id: user, idempotency_key: key, fingerprint })
        .onConflict((conflict) => conflict.columns(['user_id', 'idempotency_key']).doNothing())
        .returning(ORDER_COLUMNS)
        .executeTakeFirst()
      if (row === undefined) {
        const earlier = await findByKey(trx, user, key)
        if (earlier === undefined) throw new Error(`The order of a key that is taken is not there: ${user}`)
        return repeatOf(earlier, fingerprint)
      }
      const lines = byBook(items).map(({ bookId, title, quantity }) => ({
        order_id: row.id,
        book_id: bookId,
        title,
        quantity,
      }))
      await trx.insertInto('order_items').values(lines).execute()
      await note(trx, row.id, 'placed', { actor: user, replica })
      const short = await reserve(trx, items, initialStock)
      if (short) throw new RollBack(short)
      const [order] = await withItems(trx, [row])
      if (order === undefined) throw new Error(`Order ${row.id} was not read back`)
      return { kind: 'placed', order }
    })
  } catch (error) {
    if (error instanceof RollBack) return { kind: 'out-of-stock', short: error.short }
    throw error
  }
}

/** What a key that was there before means for a request. */
export const repeatOf = ({ fingerprint, order }: Earlier, asked: string): Placed =>
  fingerprint === asked ? { kind: 'repeated', order } : { kind: 'reused' }

/** Undoes the transaction; never leaves this file. */
class RollBack extends Error {
  readonly short: Short

  constructor(short: Short) {
    super('out of stock')
    this.short = short
  }
}
