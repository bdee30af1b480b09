import type { Cache, Reading, ReadOptions, WriteToken } from '@lockstep/cache'
import type { Kysely } from 'kysely'
import type { OrdersCaches } from '../caches.ts'
import type { OrdersDatabase } from '../database/schema.ts'
import { setStock } from './repository.ts'
import type { Stock } from './stock.ts'

/** The stock as its routes know it. */
export interface Shelf {
  /** The reading is empty when there is no such book. @throws {ShopAwayError} */
  read(bookId: number, options?: ReadOptions): Promise<Reading<Stock>>
  /** @returns undefined when there is no such book. @throws {ShopAwayError} */
  set(stock: Stock): Promise<{ readonly token: WriteToken } | undefined>
}

export const createShelf = (
  db: Kysely<OrdersDatabase>,
  cache: Cache,
  { books, stock: cached }: OrdersCaches,
): Shelf => ({
  read: (bookId, options) => cached.read(bookId, options),

  async set(stock) {
    if (!(await books.get(stock.bookId))) return undefined
    return cache.mutate([cached.key(stock.bookId)], () => setStock(db, stock), {
      whenAway: 'run',
      lifetime: '20s',
    })
  },
})
