import type { Cache, NamedCache } from '@lockstep/cache'
import { Compile } from 'typebox/compile'
import type { OrdersSettings } from './config.ts'
import { type Catalog, isShopBook, type ShopBook } from './shop/catalog.ts'
import { Stock } from './stock/stock.ts'

/** The caches of orders. Orders themselves are not cached: whoever asks for one wants to know how it stands now. */
export interface OrdersCaches {
  readonly books: NamedCache<number, ShopBook>
  readonly stock: NamedCache<number, Stock>
}

const stockSchema = Compile(Stock)

/**
 * @param sources where a book and its stock come from
 * @param settings how long they are cached
 */
export function ordersCaches(
  cache: Cache,
  { catalog, findStock }: { catalog: Catalog; findStock: (bookId: number) => Promise<Stock | undefined> },
  settings: OrdersSettings,
): OrdersCaches {
  const negativeTtl = settings.CACHE_TTL_ABSENT
  const books = cache.define({
    name: 'order-books',
    version: 1,
    key: (id: number) => id,
    load: (id) => catalog.book(id),
    accepts: isShopBook,
    tags: tagsOfBook,
    ttl: settings.CACHE_TTL_BOOKS,
    negativeTtl,
    staleIfError: settings.CACHE_STALE_IF_ERROR,
  })
  const stock = cache.define({
    name: 'stock',
    version: 1,
    key: (bookId: number) => bookId,
    async load(bookId) {
      const kept = await findStock(bookId)
      if (kept) return kept
      const book = await books.get(bookId)
      return book && { bookId, available: settings.STOCK_INITIAL }
    },
    accepts: (stored): stored is Stock => stockSchema.Check(stored),
    ttl: settings.CACHE_TTL_STOCK,
    negativeTtl,
  })
  return { books, stock }
}

/**
 * What the catalogue evicts when a book changes: everything of its authors, or all. It is on the same bus, so its word on a
 * book is forgotten here in the moment in which it is forgotten there.
 */
const tagsOfBook = ({ authors }: ShopBook) => ['pages', ...authors.map((author) => `author:${author}`)]
