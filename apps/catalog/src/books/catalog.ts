import type { Cache, Reading, ReadOptions, WriteToken } from '@lockstep/cache'
import { tagsEntry } from '../tags/caches.ts'
import type { Book, BookChange, BookPage, NewBook } from './book.ts'
import { withDefaults } from './book.ts'
import { type BookCaches, evictBooks, type Stale } from './caches.ts'
import type { Isbn } from './isbn.ts'
import type { BookQuery, BookRepository, Changed, Deleted } from './repository.ts'

/** For so long nobody caches a book whose writer died: longer than a write's three queries may take. */
const LONGEST_WRITE = '20s'

/** What became of a write, and what tells other replicas to read nothing older. */
interface Written<T> {
  readonly result: T
  readonly written: readonly { readonly token: WriteToken }[]
}

/**
 * The catalogue. Reads go through the cache (cache-aside). A change is made under an intent (`mutate`): a replica that dies
 * between the commit and the eviction leaves nothing stale of the book; its new state is written through.
 */
export interface Catalog {
  book(id: number, options?: ReadOptions): Promise<Reading<Book>>
  /** The reading is of the book; undefined when no book has the ISBN. */
  bookByIsbn(isbn: Isbn, options?: ReadOptions): Promise<Reading<Book> | undefined>
  /** From the database: its route caches what it answers. */
  page(query: BookQuery): Promise<BookPage>
  sourceRow(id: number): Promise<Record<string, string> | undefined>
  create(book: NewBook): Promise<Written<Book>>
  change(id: number, change: BookChange): Promise<Written<Changed>>
  remove(id: number, version: number | undefined): Promise<Written<Deleted>>
}

export function createCatalog(repository: BookRepository, cache: Cache, caches: BookCaches): Catalog {
  const { books, isbns } = caches
  // The shop sells on without Redis; what must be evicted is, when Redis is back.
  const how = { whenAway: 'run', lifetime: LONGEST_WRITE } as const

  const evict = (...states: Book[]) =>
    evictBooks(cache, caches, {
      ids: states.map(({ id }) => id),
      isbns: states.flatMap(isbnsOf),
      authors: states.flatMap(({ authors }) => authors),
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
    book: (id, options) => books.read(id, options),

    async bookByIsbn(isbn, options) {
      const id = await isbns.get(isbn, options)
      return id === undefined ? undefined : books.read(id, options)
    },

    async page(query) {
      return { ...(await repository.page(query)), skip: query.skip, limit: query.limit }
    },

    sourceRow: (id) => repository.sourceRow(id),

    async create(fields) {
      const wanted = withDefaults(fields)
      const book = await orEvict(repository.create(wanted), { ids: [], isbns: isbnsOf(wanted) })
      return { result: book, written: [await evict(book)] }
    },

    async change(id, change) {
      const changing = cache.mutate(
        [books.key(id)],
        async (mutation) => {
          const changed = await repository.change(id, change)
          if (changed.kind === 'done') mutation.put(books, id, changed.book)
          return changed
        },
        how,
      )
      const mutated = await orEvict(changing, { ids: [id], isbns: isbnsOf(change) })
      const { value } = mutated
      if (value.kind !== 'done') return { result: value, written: [mutated] }
      return { result: value, written: [mutated, await evictAround(value.before, value.book)] }
    },

    async remove(id, version) {
      const removing = cache.mutate([books.key(id), tagsEntry(id)], () => repository.remove(id, version), how)
      const mutated = await orEvict(removing, { ids: [id], isbns: [] })
      const { value } = mutated
      if (value.kind !== 'done') return { result: value, written: [mutated] }
      return { result: value, written: [mutated, await evictAround(value.before)] }
    },
  }

  /** What a change makes stale besides the book itself, which lies in Redis anew. */
  function evictAround(...states: Book[]) {
    return evictBooks(cache, caches, {
      ids: [],
      isbns: states.flatMap(isbnsOf),
      authors: states.flatMap(({ authors }) => authors),
    })
  }
}

const isbnsOf = ({ isbn10, isbn13 }: { isbn10?: string | null; isbn13?: string | null }): string[] =>
  [isbn10, isbn13].filter((isbn) => typeof isbn === 'string')
