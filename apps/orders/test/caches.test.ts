import { createCache, memoryTransport } from '@lockstep/cache'
import { recordingLogger } from '@lockstep/testing'
import { test } from 'tap'
import { ordersCaches } from '../src/caches.ts'
import { readConfig } from '../src/config.ts'
import type { ShopBook } from '../src/shop/catalog.ts'
import type { Stock } from '../src/stock/stock.ts'

function cachesOver(books: Map<number, ShopBook>, kept: Map<number, Stock>) {
  const cache = createCache({ transport: memoryTransport(), logger: recordingLogger() })
  const asked: number[] = []
  const catalog = {
    async book(id: number) {
      asked.push(id)
      return books.get(id)
    },
  }
  const settings = readConfig({ DATABASE_URL: 'postgres://127.0.0.1:1/none' })
  const caches = ordersCaches(cache, { catalog, findStock: async (id) => kept.get(id) }, settings)
  return { cache, caches, asked }
}

const book = (title: string, ...authors: string[]): ShopBook => ({ id: 1, title, authors })

await test('K13 the catalogue is asked about a book once, also when there is none', async (t) => {
  const { caches, asked } = cachesOver(new Map([[1, book('Old', 'Ana Uno')]]), new Map())
  await caches.books.get(1)
  t.match(await caches.books.get(1), { title: 'Old' })
  await caches.books.get(2)
  t.equal(await caches.books.get(2), undefined)
  t.same(asked, [1, 2])
})

await test('K13 what the catalogue evicts when a book changes is forgotten here', async (t) => {
  for (const tag of ['author:Ana Uno', 'author:Eva Dos', 'pages']) {
    const books = new Map([[1, book('Old', 'Ana Uno', 'Eva Dos')]])
    const { cache, caches } = cachesOver(books, new Map())
    await caches.books.get(1)
    books.set(1, book('New', 'Ana Uno'))
    await cache.invalidateTags(['lists', 'author:Ida Tres'])
    t.match(await caches.books.get(1), { title: 'Old' }, 'another book has changed')
    await cache.invalidateTags([tag])
    t.match(await caches.books.get(1), { title: 'New' }, tag)
  }
})

await test('A4 the stock is what is kept, or the initial one of a book that there is', async (t) => {
  const kept = new Map([[3, { bookId: 3, available: 7 }]])
  const { cache, caches } = cachesOver(new Map([[1, book('Old')]]), kept)
  t.same(await caches.stock.get(1), { bookId: 1, available: 100 })
  t.equal(await caches.stock.get(2), undefined, 'no such book')
  t.same(await caches.stock.get(3), { bookId: 3, available: 7 })
  kept.set(3, { bookId: 3, available: 6 })
  t.same(await caches.stock.get(3), { bookId: 3, available: 7 })
  await cache.invalidate({ keys: [caches.stock.key(3)] })
  t.same(await caches.stock.get(3), { bookId: 3, available: 6 })
})
