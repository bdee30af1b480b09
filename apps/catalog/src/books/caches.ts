import type { Cache, NamedCache, Outcome } from '@lockstep/cache'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { CacheSettings } from '../config.ts'
import { Book } from './book.ts'
import { fold } from './fold.ts'
import { type Isbn, isIsbn10, parseIsbn, toIsbn13 } from './isbn.ts'
import type { BookQuery, BookRepository } from './repository.ts'

/** What is cached of a page: the part that does not repeat the question. */
const Found = Type.Object({ items: Type.Array(Book), total: Type.Integer() })
type Found = Type.Static<typeof Found>

/** The caches of the catalogue. */
export interface BookCaches {
  readonly books: NamedCache<number, Book>
  /** Which book has an ISBN. */
  readonly isbns: NamedCache<Isbn, number>
  /** Pages of lists and searches: all are dropped by any write, for any book may appear in any of them. */
  readonly pages: NamedCache<BookQuery, Found>
}

const isBook = Compile(Book)
const isFound = Compile(Found)
const isId = Compile(Type.Integer())

export function bookCaches(cache: Cache, repository: BookRepository, settings: CacheSettings): BookCaches {
  const negativeTtl = settings.CACHE_TTL_ABSENT
  const ttl = settings.CACHE_TTL_BOOKS
  return {
    books: cache.define({
      name: 'books',
      version: 1,
      key: (id: number) => id,
      load: (id) => repository.byId(id),
      accepts: (stored) => isBook.Check(stored),
      ttl,
      negativeTtl,
    }),
    isbns: cache.define({
      name: 'isbns',
      version: 1,
      key: isbnKey,
      load: (isbn: Isbn) => repository.idByIsbn(isbn),
      accepts: (stored) => isId.Check(stored),
      ttl,
      negativeTtl,
    }),
    pages: cache.define({
      name: 'book-pages',
      version: 1,
      key: pageKey,
      load: (query: BookQuery) => repository.page(query),
      accepts: (stored) => isFound.Check(stored),
      ttl: settings.CACHE_TTL_LISTS,
      maxEntries: settings.CACHE_L1_PAGES,
    }),
  }
}

/** Both forms of an ISBN are one key. */
const isbnKey = ({ kind, digits }: Isbn) =>
  kind === 'isbn10' && isIsbn10(digits) ? toIsbn13(digits) : digits

/** Questions with the same answer are one key. */
const pageKey = ({ q, author, language, skip, limit }: BookQuery) =>
  JSON.stringify([q ? fold(q) : null, author ?? null, language ?? null, skip, limit])

/** Books that a write changed: their ids, and every ISBN that they had before or have now. */
export interface Stale {
  readonly ids: readonly number[]
  readonly isbns: readonly string[]
}

/** Evicts what a write made stale, in every replica, in one message: books, what their ISBNs lead to, and every page. */
export function evictBooks(
  cache: Cache,
  { books, isbns, pages }: BookCaches,
  stale: Stale,
): Promise<Outcome> {
  const keys = [
    ...stale.ids.map((id) => books.key(id)),
    ...stale.isbns.flatMap((digits) => parseIsbn(digits) ?? []).map((isbn) => isbns.key(isbn)),
  ]
  return cache.invalidate({ keys: [...new Set(keys)], caches: [pages] })
}
