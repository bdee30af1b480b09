import type { Cache, WriteToken } from '@lockstep/cache'
import type { Kysely } from 'kysely'
import type { OrdersCaches } from '../caches.ts'
import type { OrdersDatabase } from '../database/schema.ts'
import { cancel } from './cancelling.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { HistoryEntry, Item, Order, OrderPage, Wanted } from './order.ts'
import { type Placed, place, repeatOf } from './placing.ts'
import { findByKey, findOrder, historyOf, pageOfUser } from './reading.ts'

/** For so long nobody caches the stock of books whose buyer's replica died: longer than an order takes on a busy day. */
const LONGEST_WRITE = '20s'
// The shop sells on without Redis; what must be evicted is, when Redis is back.
const MUTATION = { whenAway: 'run', lifetime: LONGEST_WRITE } as const

/** What became of a write, and what tells other replicas to read nothing older. */
interface Written<T> {
  readonly result: T
  readonly written: readonly { readonly token: WriteToken }[]
}

/** Orders as their routes know them. */
export interface Orders {
  /** @throws {ShopAwayError} when the catalogue must be asked about a book, and does not answer */
  place(user: string, key: string, wanted: readonly Wanted[]): Promise<Written<Placed | UnknownBook>>
  find(id: number): Promise<Order | undefined>
  page(user: string, paging: { skip: number; limit: number }): Promise<OrderPage>
  history(id: number): Promise<HistoryEntry[]>
  /** @returns false when it was not placed any more */
  cancel(order: Order, actor: string): Promise<Written<boolean>>
}

interface UnknownBook {
  readonly kind: 'unknown-book'
  readonly bookId: number
}

export interface OrdersOptions {
  readonly db: Kysely<OrdersDatabase>
  readonly cache: Cache
  readonly caches: OrdersCaches
  /** Names this process in the history. */
  readonly replica: string
  readonly initialStock: number
  /** Called when an order was placed. */
  readonly onPlaced: () => void
}

export function createOrders({ db, cache, caches, replica, initialStock, onPlaced }: OrdersOptions): Orders {
  const stockOf = (items: readonly Wanted[]) => items.map(({ bookId }) => caches.stock.key(bookId))

  return {
    async place(user, key, wanted) {
      const earlier = await findByKey(db, user, key)
      if (earlier) return { result: repeatOf(earlier, fingerprintOf(wanted)), written: [] }
      const items = await titled(wanted)
      if (!Array.isArray(items)) return { result: items, written: [] }
      const mutated = await cache.mutate(
        stockOf(wanted),
        () => place(db, { user, key, items }, { initialStock, replica }),
        MUTATION,
      )
      if (mutated.value.kind === 'placed') onPlaced()
      return { result: mutated.value, written: [mutated] }
    },

    find: (id) => findOrder(db, id),
    page: (user, paging) => pageOfUser(db, user, paging),
    history: (id) => historyOf(db, id),

    async cancel(order, actor) {
      const mutated = await cache.mutate(
        stockOf(order.items),
        () => cancel(db, order, { actor, replica }),
        MUTATION,
      )
      return { result: mutated.value, written: [mutated] }
    },
  }

  /** With the titles that the catalogue has; or the first book that it does not know. */
  async function titled(wanted: readonly Wanted[]): Promise<Item[] | UnknownBook> {
    const books = await caches.books.getMany(wanted.map(({ bookId }) => bookId))
    const items: Item[] = []
    for (const [index, { bookId, quantity }] of wanted.entries()) {
      const book = books[index]
      if (book === undefined) return { kind: 'unknown-book', bookId }
      items.push({ bookId, title: book.title, quantity })
    }
    return items
  }
}
