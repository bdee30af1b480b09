import { test } from 'tap'
import { fleet, settle } from './fleet.ts'

/** Four books of two authors in L2, and a film in a cache of its own; another process has a cache that this one lacks. */
async function shelves() {
  const made = await fleet({
    size: 2,
    define: { tags: ({ author }) => (author === undefined ? [] : [`author:${author}`]) },
  })
  for (const id of [1, 2, 21]) made.source.set(id, { title: `book ${id}`, author: 7 })
  made.source.set(3, { title: 'book 3', author: 8 })
  const define = (cache: typeof made.a.cache, name: string) =>
    cache.define({
      name,
      version: 1,
      key: (id: number) => id,
      load: async (id: number) => `${name} ${id}`,
      ttl: '1m',
      tags: () => ['author:7'],
    })
  const films = define(made.a.cache, 'films')
  const users = define(made.b.cache, 'users')
  await made.a.books.getMany([1, 2, 21, 3])
  await films.get(1)
  await users.get(1)
  await settle()
  const { a, b, state, server } = made
  return { a, b, state, films, users, names: () => server.shard.names().toSorted() }
}

const whole = { outcome: 'applied', complete: true }

await test('K4 by pattern, in all caches that are defined here', async (t) => {
  const { a, names, users } = await shelves()
  t.match(await a.cache.sweep({ pattern: '*:v1:2*' }), { ...whole, removed: 2 })
  t.same(names(), ['books:v1:1', 'books:v1:3', 'films:v1:1', 'users:v1:1'])
  t.match(await a.cache.sweep({ pattern: 'books:v1:[13]' }), { ...whole, removed: 2 })
  t.match(await a.cache.sweep({ pattern: '*' }), { ...whole, removed: 1 })
  t.same(names(), ['users:v1:1'], 'what is not defined here stays')
  t.match(await users.read(1), { from: 'l1' }, 'also in memory')
  for (const foreign of ['users:v1:1', 'users:*', 'u*', 'head', 'lease:*']) {
    t.match(await a.cache.sweep({ pattern: foreign }), { ...whole, removed: 0 }, foreign)
  }
  t.match(await users.read(1), { from: 'l1' })
})

await test('K4 by tag, with a count of what Redis held', async (t) => {
  const { a, b, names, state } = await shelves()
  t.match(await a.cache.sweep({ tag: 'author:7' }), { ...whole, removed: 4 })
  t.same(names(), ['books:v1:3', 'users:v1:1'])
  const { loads } = state
  t.match(await b.books.read(1), { from: 'source' })
  t.match(await b.books.read(3), { from: 'l2' })
  t.equal(state.loads, loads + 1)
  t.match(await a.cache.sweep({ tag: 'nobody' }), { ...whole, removed: 0 })
})

await test('K4 all of a cache, with a count of what Redis held', async (t) => {
  const { a, b, names } = await shelves()
  t.match(await a.cache.sweep({ cache: 'books:v1' }), { ...whole, removed: 4 })
  t.same(names(), ['films:v1:1', 'users:v1:1'])
  t.equal(b.books.peek(1), undefined)
  await t.rejects(a.cache.sweep({ cache: 'users:v1' }), {
    code: 'LOCKSTEP_CACHE_DEFINITION',
    message: /no cache "users:v1" here/,
  })
})

await test('a sweep that Redis does not let through says that it is pending, and incomplete', async (t) => {
  const { a } = await shelves()
  a.net.away = true
  for (const what of [{ pattern: '*' }, { tag: 'author:7' }, { cache: 'books:v1' }]) {
    t.match(await a.cache.sweep(what), { outcome: 'pending', complete: false, removed: 0 })
  }
  t.equal(a.books.peek(1), undefined)
})
