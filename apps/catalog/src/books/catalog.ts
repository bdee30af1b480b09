import type { Cache, Reading } from '@lockstep/cache'
import type { Book, BookChange, BookPage, NewBook } from './book.ts'
import { withDefaults } from './book.ts'
import { type BookCaches, evictBooks, type Stale } from './caches.ts'
import type { Isbn } from './isbn.ts'
import type { BookQuery, BookRepository, Changed, Deleted } from './repository.ts'

/** The catalogue: reads go through the cache (cache-aside); writes go to Postgres, and evict once they are committed. */
export interface Catalog {
  book(id: number): Promise<Reading<Book>>
  /** The reading is of the book; undefined when no book has the ISBN. */
  bookByIsbn(isbn: Isbn): Promise<Reading<Book> | undefined>
  page(query: BookQuery): Promise<Reading<BookPage>>
  sourceRow(id: number): Promise<Record<string, string> | undefined>
  create(book: NewBook): Promise<Book>
  change(id: number, change: BookChange): Promise<Changed>
  remove(id: number, version: number | undefined): Promise<Deleted>
}

export function createCatalog(repository: BookRepository, cache: Cache, caches: BookCaches): Catalog {
  const { books, isbns, pages } = caches

  const evict = (...states: Book[]) =>
    evictBooks(cache, caches, {
      ids: states.map(({ id }) => id),
      isbns: states.flatMap(isbnsOf),
    })

  /** A write whose answer is lost may have been committed: what it may have made stale goes, too. */
  const orEvict = async <T>(write: Promise<T>, stale: Stale): Promise<T> => {
    try {
      return await write
    } catch (error) {
      await evictBooks(cache, caches, stale)
      throw error
    }
  }

  return {
    book: (id) => books.read(id),

    async bookByIsbn(isbn) {
      const id = await isbns.get(isbn)
      return id === undefined ? undefined : books.read(id)
    },

    async page(query) {
      const { value = { items: [], total: 0 }, ...where } = await pages.read(query)
      return { ...where, value: { ...value, skip: query.skip, limit: query.limit } }
    },

    sourceRow: (id) => repository.sourceRow(id),

    async create(fields) {
      const wanted = withDefaults(fields)
      const book = await orEvict(repository.create(wanted), { ids: [], isbns: isbnsOf(wanted) })
      await evict(book)
      return book
    },

    async change(id, change) {
      const changed = await orEvict(repository.change(id, change), { ids: [id], isbns: isbnsOf(change) })
      if (changed.kind === 'done') await evict(changed.before, changed.book)
      else await books.invalidate(id)
      return changed
    },

    async remove(id, version) {
      const deleted = await orEvict(repository.remove(id, version), { ids: [id], isbns: [] })
      if (deleted.kind === 'done') await evict(deleted.before)
      else await books.invalidate(id)
      return deleted
    },
  }
}

const isbnsOf = ({ isbn10, isbn13 }: { isbn10?: string | null; isbn13?: string | null }): string[] =>
  [isbn10, isbn13].filter((isbn) => typeof isbn === 'string')
