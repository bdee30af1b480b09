import { createCache, memoryTransport } from '@lockstep/cache'
import { recordingLogger } from '@lockstep/testing'
import { test } from 'tap'
import type { Book } from '../src/books/book.ts'
import { bookCaches } from '../src/books/caches.ts'
import { createCatalog } from '../src/books/catalog.ts'
import type { BookRepository } from '../src/books/repository.ts'

const book: Book = {
  id: 1,
  version: 1,
  title: 'Old',
  originalTitle: null,
  authors: ['A'],
  isbn10: null,
  isbn13: null,
  year: null,
  language: null,
  rating: null,
  ratingsCount: null,
  imageUrl: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
}

function catalogOver(repository: BookRepository) {
  const cache = createCache({ transport: memoryTransport(), logger: recordingLogger() })
  const caches = bookCaches(cache, repository, {
    CACHE_TTL_BOOKS: 60_000,
    CACHE_TTL_LISTS: 60_000,
    CACHE_TTL_ABSENT: 60_000,
    CACHE_STALE_IF_ERROR: 60_000,
    CACHE_L1_ENTRIES: 10,
    CACHE_L1_PAGES: 10,
  })
  return createCatalog(repository, cache, caches)
}

/** A database that commits, and whose answer is lost. */
function losesAnswers(books: Map<number, Book>): BookRepository {
  const lost = () => Promise.reject(new Error('Connection terminated unexpectedly'))
  return {
    byIds: async (ids) => ids.map((id) => books.get(id)),
    idByIsbn: async ({ digits }) => [...books.values()].find(({ isbn13 }) => isbn13 === digits)?.id,
    page: async () => ({ items: [...books.values()], total: books.size }),
    sourceRow: async () => undefined,
    create(fields) {
      books.set(2, { ...book, ...fields, id: 2 })
      return lost()
    },
    change(id, change) {
      books.set(id, { ...book, ...change })
      return lost()
    },
    remove(id) {
      books.delete(id)
      return lost()
    },
  }
}

await test('a write whose answer is lost may have been committed: what it may have made stale is evicted', async (t) => {
  const stored = new Map([[1, book]])
  const repository = losesAnswers(stored)
  const catalog = catalogOver(repository)
  const all = { skip: 0, limit: 10 }
  const isbn = { kind: 'isbn13', digits: '9780802130303' } as const

  await catalog.book(1)
  await t.rejects(catalog.change(1, { version: 1, title: 'New' }))
  t.match(await catalog.book(1), { value: { title: 'New' } })

  t.equal(await catalog.bookByIsbn(isbn), undefined)
  t.match(await catalog.page(all), { total: 1 })
  await t.rejects(catalog.create({ title: 'Second', authors: ['B'], isbn13: isbn.digits }))
  t.match(await catalog.bookByIsbn(isbn), { value: { title: 'Second' } })
  t.match(await catalog.page(all), { total: 2 })

  await t.rejects(catalog.remove(1, undefined))
  t.equal((await catalog.book(1)).value, undefined)
})

await test('a write that finds the book gone, or at another version, evicts what this replica showed', async (t) => {
  const stored = new Map([[1, book]])
  const repository: BookRepository = {
    ...losesAnswers(stored),
    change: async () => ({ kind: 'absent' }),
    remove: async () => ({ kind: 'conflict', current: 2 }),
  }
  const catalog = catalogOver(repository)
  await catalog.book(1)
  stored.set(1, { ...book, version: 2 })
  await catalog.remove(1, 1)
  t.match(await catalog.book(1), { value: { version: 2 } })
  stored.delete(1)
  await catalog.change(1, { version: 2, title: 'x' })
  t.equal((await catalog.book(1)).value, undefined)
})
