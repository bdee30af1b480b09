import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { OrdersDatabase } from '../database/schema.ts'
import { byBook } from '../orders/fingerprint.ts'
import type { Wanted } from '../orders/order.ts'
import type { Stock } from './stock.ts'

type Queries = Kysely<OrdersDatabase>

/** A book of which fewer copies are left than are wanted. */
export interface Short {
  readonly bookId: number
  readonly available: number
}

/** What is kept of a book; undefined as long as nobody has ordered it, or said how many there are. */
export async function findStock(db: Queries, bookId: number): Promise<Stock | undefined> {
  const row = await db
    .selectFrom('stock')
    .select('available')
    .where('book_id', '=', bookId)
    .executeTakeFirst()
  return row && { bookId, available: row.available }
}

export async function setStock(db: Queries, { bookId, available }: Stock): Promise<void> {
  await db
    .insertInto('stock')
    .values({ book_id: bookId, available })
    .onConflict((conflict) =>
      conflict.column('book_id').doUpdateSet({ available, updated_at: sql<Date>`now()` }),
    )
    .execute()
}

/**
 * Takes copies from the stock, all or none, in a transaction of the caller. Rows are locked in the order of the books, so
 * that no two orders wait for each other.
 *
 * @param initial how many copies there are of a book that was never ordered
 * @returns the first book of which there are too few; then the caller rolls back
 */
export async function reserve(
  trx: Queries,
  wanted: readonly Wanted[],
  initial: number,
): Promise<Short | undefined> {
  const sorted = byBook(wanted)
  await trx
    .insertInto('stock')
    .values(sorted.map(({ bookId }) => ({ book_id: bookId, available: initial })))
    .onConflict((conflict) => conflict.column('book_id').doNothing())
    .execute()
  for (const { bookId, quantity } of sorted) {
    const taken = await trx
      .updateTable('stock')
      .set((eb) => ({ available: eb('available', '-', quantity), updated_at: sql<Date>`now()` }))
      .where('book_id', '=', bookId)
      .where('available', '>=', quantity)
      .executeTakeFirst()
    if (taken.numUpdatedRows === 0n) {
      return { bookId, available: (await findStock(trx, bookId))?.available ?? 0 }
    }
  }
  return undefined
}

/** Puts copies back, in a transaction of the caller. */
export async function giveBack(trx: Queries, items: readonly Wanted[]): Promise<void> {
  for (const { bookId, quantity } of byBook(items)) {
    await trx
      .updateTable('stock')
      .set((eb) => ({ available: eb('available', '+', quantity), updated_at: sql<Date>`now()` }))
      .where('book_id', '=', bookId)
      .execute()
  }
}
