import type { Cache, Invalidated, NamedCache } from '@lockstep/cache'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { taggedWith, tagsEntry } from '../tags/caches.ts'
import { Book } from './book.ts'
import { type Isbn, isIsbn10, parseIsbn, toIsbn13 } from './isbn.ts'
import type { BookRepository } from './repository.ts'
import type { CacheSettings } from './settings.ts'

/** The caches of the catalogue. Pages are cached as they are sent, by their routes. */
export interface BookCaches {
  readonly books: NamedCache<number, Book>
  /** Which book has an ISBN. */
  readonly isbns: NamedCache<Isbn, number>
}

const isBook = Compile(Book)
const isId = Compile(Type.Integer())

export function bookCaches(cache: Cache, repository: BookRepository, settings: CacheSettings): BookCaches {
  const negativeTtl = settings.CACHE_TTL_ABSENT
  const ttl = settings.CACHE_TTL_BOOKS
  const staleIfError = settings.CACHE_STALE_IF_ERROR
  return {
    books: cache.define({
      name: 'books',
      version: 1,
      key: (id: number) => id,
      loadMany: (ids) => repository.byIds(ids),
      accepts: (stored) => isBook.Check(stored),
      versionOf: ({ version }) => version,
      ttl,
      negativeTtl,
      staleIfError,
    }),
    isbns: cache.define({
      name: 'isbns',
      version: 1,
      key: isbnKey,
      load: (isbn: Isbn) => repository.idByIsbn(isbn),
      accepts: (stored) => isId.Check(stored),
      ttl,
      negativeTtl,
      staleIfError,
    }),
  }
}

/** Both forms of an ISBN are one key. */
const isbnKey = ({ kind, digits }: Isbn) =>
  kind === 'isbn10' && isIsbn10(digits) ? toIsbn13(digits) : digits

/** Every page of books. */
const PAGES = 'pages'
/** The pages that are of no author: any book may appear in them. */
const LISTS = 'lists'

/** What evicts a page: a write to any book, or, when the page is of an author, to a book of his. */
export const pageTags = (author: string | undefined): string[] => [
  PAGES,
  author === undefined ? LISTS : `author:${author}`,
]

/** What evicts a page of the books with a tag: a change of that tag on any book, or a write to any book. */
export const tagPageTags = (tag: string): string[] => [PAGES, LISTS, taggedWith(tag)]

/** Books that a write changed. */
export interface Stale {
  readonly ids: readonly number[]
  /** Every ISBN that they had before or have now. */
  readonly isbns: readonly string[]
  /** Everyone who was or is an author of theirs; not known: the pages of all authors go. */
  readonly authors?: readonly string[]
}

/** Evicts what a write made stale, in every replica, in one message: books, their tags, what their ISBNs lead to, and pages. */
export function evictBooks(cache: Cache, { books, isbns }: BookCaches, stale: Stale): Promise<Invalidated> {
  const { ids, authors } = stale
  const keys = [
    ...ids.flatMap((id) => [books.key(id), tagsEntry(id)]),
    ...stale.isbns.flatMap((digits) => parseIsbn(digits) ?? []).map((isbn) => isbns.key(isbn)),
  ]
  const tags = authors ? [LISTS, ...authors.map((author) => `author:${author}`)] : [PAGES]
  return cache.invalidate({ keys: [...new Set(keys)], tags: [...new Set(tags)] })
}
