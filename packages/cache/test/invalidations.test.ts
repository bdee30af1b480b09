import { test } from 'tap'
import { MAX_MARKERS } from '../src/protocol/markers.ts'
import { fleet, settle } from './fleet.ts'

const tagged = {
  tags: (book: { author?: number }) => (book.author === undefined ? [] : [`author:${book.author}`]),
}

/** Three books of two authors, in every tier of two replicas. */
async function library() {
  const made = await fleet({ size: 2, define: tagged })
  for (const [id, author] of [
    [1, 7],
    [2, 7],
    [3, 8],
  ] as const) {
    made.source.set(id, { title: `book ${id}`, author })
  }
  await made.a.books.getMany([1, 2, 3])
  await settle()
  await made.b.books.getMany([1, 2, 3])
  /** Which are still in both tiers of this replica. */
  const left = () => [1, 2, 3].filter((id) => made.b.books.peek(id) !== undefined)
  const { a, b, source, state, server } = made
  return { a, b, source, state, server, left }
}

await test('K4 by key: gone in every replica and in L2, and it says how many', async (t) => {
  const { a, left, server } = await library()
  t.match(await a.cache.invalidate({ keys: [a.books.key(1), a.books.key(2), a.books.key(9)] }), {
    outcome: 'applied',
    removed: 2,
  })
  t.same(left(), [3])
  t.same(server.shard.names(), ['books:v1:3'])
})

await test('K4 by tag: in L1, in L2, and in what is read later', async (t) => {
  const { a, b, left, state } = await library()
  t.match(await a.cache.invalidateTags(['author:7']), { outcome: 'applied' })
  t.same(left(), [3])
  t.match(await b.books.read(1), { from: 'source' }, 'the entry in L2 reads as absent')
  t.match(await b.books.read(3), { from: 'l1' })
  t.equal(state.loads, 4)
})

await test('K4 by prefix, by cache, and several at once', async (t) => {
  const { a, b, left, state } = await library()
  await a.cache.invalidatePrefix('books:v1:2')
  t.same(left(), [1, 3])
  await b.books.clear()
  t.same(left(), [])
  t.same(await a.books.getMany([1, 2, 3]), await b.books.getMany([1, 2, 3]))
  t.equal(state.loads, 6)
  await a.cache.invalidate({ caches: [b.books], tags: ['x'], prefixes: ['films:'], keys: ['films:v1:1'] })
  t.same(left(), [])
})

await test('K4 by pattern: what matches goes, and is counted', async (t) => {
  const { a, b, source, server, left } = await library()
  source.set(21, { title: 'book 21' })
  await a.books.get(21)
  await settle()
  t.match(await a.cache.invalidatePattern('books:v1:2*'), { outcome: 'applied', removed: 2 })
  t.same(left(), [1, 3])
  t.same(server.shard.names(), ['books:v1:1', 'books:v1:3'])
  t.match(await a.cache.invalidatePattern('books:v1:[x]'), { removed: 0 })
  t.match(await b.books.read(1), { from: 'source' }, 'all that begins as the pattern does reads as absent')
})

await test('K4 what is not the name of an entry is refused', async (t) => {
  const { a } = await fleet()
  for (const wrong of ['42', 'books:42', 'books:v1', ':v1:42', '']) {
    await t.rejects(a.cache.invalidate({ keys: [wrong] }), {
      name: 'DefinitionError',
      code: 'LOCKSTEP_CACHE_DEFINITION',
      message: `${JSON.stringify(wrong)} is not the name of an entry, such as books:v1:42`,
    })
    await t.rejects(
      a.cache.mutate([wrong], async () => {}),
      { name: 'DefinitionError' },
    )
  }
})

await test('nothing to invalidate is done at once', async (t) => {
  const { a } = await fleet()
  t.match(await a.cache.invalidate({}), { outcome: 'applied', removed: 0 })
  t.match(await a.cache.invalidateTags([]), { outcome: 'applied', removed: 0 })
})

await test('K4 a tag reaches an entry that L1 has dropped and read again', async (t) => {
  const { a, b, source } = await fleet({ size: 2, define: { ...tagged, maxEntries: 1 } })
  source.set(1, { title: 'one', author: 7 })
  source.set(2, { title: 'two', author: 7 })
  for (const id of [1, 2, 1]) {
    await a.books.get(id)
    await settle()
  }
  t.equal(a.books.peek(2), undefined, 'dropped')
  t.match(await a.books.read(1), { from: 'l1' })
  await b.cache.invalidateTags(['author:7'])
  t.equal(a.books.peek(1), undefined)
  t.match(await a.books.read(2), { from: 'source' })
})

await test('G2 a value in flight when its tag is invalidated is stored nowhere', async (t) => {
  const { a, b, source, state, release } = await fleet({ size: 2, define: tagged })
  source.set(1, { title: 'old', author: 7 })
  state.held = true
  const overtaken = a.books.read(1)
  await settle()
  source.set(1, { title: 'new', author: 7 })
  await b.cache.invalidateTags(['author:7'])
  const after = a.books.read(1)
  release()
  t.match(await overtaken, { value: { title: 'old' }, stored: false })
  t.match(await after, { value: { title: 'new' } }, 'nobody who comes later joins it')
  await settle()
  for (const { books } of [a, b]) t.match(await books.get(1), { title: 'new' })
  t.equal(a.cache.stats().fenced, 1)
})

await test('without the stamp, such a value would be stored', async (t) => {
  const { a, b, source, state, release } = await fleet({
    size: 2,
    define: tagged,
    guards: { markerStamp: false },
  })
  source.set(1, { title: 'old', author: 7 })
  state.held = true
  const overtaken = a.books.read(1)
  await settle()
  source.set(1, { title: 'new', author: 7 })
  await b.cache.invalidateTags(['author:7'])
  release()
  t.match(await overtaken, { stored: true })
})

await test('markers are bounded: a dropped one raises the floor, below which entries read as absent', async (t) => {
  const { a, b, left, state, server } = await library()
  await b.cache.invalidateTags(['author:8'])
  for (let from = 0; from < MAX_MARKERS; from += 500) {
    await a.cache.invalidateTags(Array.from({ length: 500 }, (_, i) => `tag:${from + i}`))
  }
  t.equal(server.shard.state.markers.size, MAX_MARKERS)
  t.ok(server.shard.state.floor > 0)
  t.same(left(), [1, 2], 'L1 knows better')
  const late = await a.books.read(3)
  t.match(late, { from: 'source', stored: true }, 'the marker of author:8 is gone, its entry is not back')
  t.equal(state.loads, 4)
})

await test('the invalidations of one turn are one call, and one message', async (t) => {
  const { a, b } = await fleet({ size: 2 })
  let calls = 0
  const { invalidate } = a.store
  a.store.invalidate = (...args) => {
    calls++
    return invalidate(...args)
  }
  b.net.heard.length = 0
  await Promise.all([1, 2, 3, 3].map((id) => a.books.invalidate(id)))
  t.equal(calls, 1)
  t.equal(b.net.heard.length, 1)
  t.equal(a.cache.stats().invalidations, 4)
})
