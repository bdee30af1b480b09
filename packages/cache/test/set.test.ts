import { test } from 'tap'
import { createCache } from '../src/index.ts'
import { type Book, type Fleet, fleet, Net, settle, transportOver } from './fleet.ts'

const versions = { versionOf: ({ version }: Book) => version ?? 0 }
const second = { title: 'second', version: 2 }

await test('set writes a newer version through, and every replica reads it without a load', async (t) => {
  const { a, b, source, state } = await fleet({ size: 2, define: versions })
  source.set(42, { title: 'first', version: 1 })
  await a.books.get(42)
  await settle()
  await b.books.get(42)
  t.match(await a.books.set(42, second), { result: 'stored', outcome: 'applied', removed: 1 })
  for (const { books } of [a, b]) t.match(await books.read(42), { from: 'l2', value: second })
  t.equal(state.loads, 1)
  t.match(await b.books.inspect(42), { version: 2 })
})

await test('set refuses what is older than what is stored, and leaves it alone', async (t) => {
  const { a, b, source } = await fleet({ size: 2, define: versions })
  source.set(42, { title: 'newest', version: 3 })
  await a.books.get(42)
  await settle()
  t.match(await b.books.set(42, second), { result: 'refused', outcome: 'applied', removed: 0 })
  t.match(await a.books.read(42), { from: 'l1', value: { title: 'newest' } })
  t.match(await b.books.read(42), { from: 'l2', value: { title: 'newest' } })
})

await test('set of the same version, or over nothing, only invalidates', async (t) => {
  const { a, source } = await fleet({ define: versions })
  t.match(await a.books.set(42, second), { result: 'invalidated', removed: 0 })
  source.set(42, { title: 'the source has this', version: 2 })
  t.match(await a.books.read(42), { from: 'source', value: { title: 'the source has this' } })
  await settle()
  t.match(await a.books.set(42, second), { result: 'invalidated', removed: 1 })
  t.match(await a.books.read(42), { from: 'source' })
})

await test('set takes the version given before that of the value; without one, a cache with a loader invalidates', async (t) => {
  const { a, source } = await fleet()
  source.set(42, { title: 'first' })
  await a.books.get(42)
  await settle()
  t.match(await a.books.set(42, second), { result: 'invalidated', removed: 1 })
  const versioned = await fleet({ define: versions })
  versioned.source.set(42, { title: 'first', version: 5 })
  await versioned.a.books.get(42)
  await settle()
  t.match(await versioned.a.books.set(42, second, { version: 4 }), { result: 'refused' })
  t.match(await versioned.a.books.set(42, second, { version: 6 }), { result: 'stored' })
  t.match(await versioned.a.books.inspect(42), { version: 6 }, 'the entry carries the version it was given')
  t.match(await versioned.a.books.set(42, second, { version: 5 }), { result: 'refused' })
})

await test('K1 a cache without a loader stores what it is given', async (t) => {
  const { a, b } = await fleet({ size: 2 })
  const define = {
    name: 'notes',
    version: 1,
    key: (id: string) => id,
    ttl: '1m',
    tags: () => ['notes'],
  } as const
  const one = a.cache.define<string, string>(define)
  const other = b.cache.define<string, string>(define)
  t.equal(await one.get('x'), undefined)
  t.match(await one.set('x', 'text'), { result: 'stored' })
  t.equal(await other.get('x'), 'text', 'also after it was found absent')
  t.match(await other.set('x', 'other'), { result: 'stored' })
  t.equal(await one.get('x'), 'other')
  await a.cache.invalidateTags(['notes'])
  t.equal(await other.get('x'), undefined, 'its tags hold')
})

await test('G2 a set voids the loads under way', async (t) => {
  const { a, b, source, state, release } = await fleet({ size: 2, define: versions })
  source.set(42, { title: 'first', version: 1 })
  state.held = true
  const overtaken = a.books.read(42)
  await settle()
  await b.books.set(42, second)
  source.set(42, second)
  release()
  t.match(await overtaken, { value: { title: 'first' }, stored: false })
  t.match(await a.books.get(42), second)
})

await test('with Redis away a set waits as an invalidation', async (t) => {
  const { a, source, pass } = await fleet({ define: versions })
  source.set(42, { title: 'first', version: 1 })
  await a.books.get(42)
  await settle()
  a.net.away = true
  source.set(42, second)
  t.match(await a.books.set(42, second), { result: 'invalidated', outcome: 'pending', token: '' })
  t.match(await a.books.get(42), second)
  a.net.restore()
  await pass(500)
  t.equal(a.cache.stats().pending, 0)
  t.match(await a.books.read(42), { value: second, stored: true })
})

await test('G3 a process reads what it has set', async (t) => {
  const { a, source } = await fleet({ define: versions })
  source.set(42, { title: 'first', version: 1 })
  await a.books.get(42)
  await settle()
  const sent = a.books.set(42, second)
  source.set(42, second)
  t.match(await a.books.get(42), second)
  await sent
  t.match(await a.books.get(42), second)
})

/** A replica whose first probe is answered when told: until then it does not know the server's time. */
function newcomer({ server, clock, logger }: Fleet) {
  const net = new Net()
  const transport = transportOver(server, net)
  const gate = Promise.withResolvers<void>()
  const { probe } = transport.store
  transport.store.probe = async (...args) => {
    await gate.promise
    return probe(...args)
  }
  const cache = createCache({ transport, logger, clock })
  const notes = cache.define<string, string>(NOTES)
  return { cache, notes, net, answer: gate.resolve, fail: gate.reject }
}

const NOTES = { name: 'notes', version: 1, key: (id: string) => id, ttl: '1h' } as const

await test('what is set before Redis has first answered can be read', async (t) => {
  const made = await fleet()
  const { notes, answer } = newcomer(made)
  const sent = notes.set('x', 'text')
  await settle()
  answer()
  t.match(await sent, { result: 'stored', outcome: 'applied' })
  t.equal(await notes.get('x'), 'text')
  t.equal(await made.a.cache.define<string, string>(NOTES).get('x'), 'text')
})

await test('and as long as no probe succeeds nothing is written through', async (t) => {
  const { notes, net, fail } = newcomer(await fleet())
  fail(new Error('no probe'))
  t.match(await notes.set('x', 'text'), { result: 'invalidated', outcome: 'applied' })
  net.away = true
  t.match(await notes.set('x', 'text'), { result: 'invalidated', outcome: 'pending', token: '' })
})

await test('what is put before Redis has answered a probe can be read', async (t) => {
  const made = await fleet()
  const { cache, notes } = newcomer(made)
  const done = await cache.mutate([notes.key('x')], async ({ put }) => put(notes, 'x', 'text'))
  t.match(done, { stored: true, outcome: 'applied' })
  t.equal(await made.a.cache.define<string, string>(NOTES).get('x'), 'text')
})

await test('what is stored after a write that waits is read, and the retry of that write does not remove it', async (t) => {
  const { a, pass } = await fleet()
  const notes = a.cache.define<string, string>(NOTES)
  const ways = {
    set: () => notes.set('x', 'second'),
    mutate: () => a.cache.mutate([notes.key('x')], async ({ put }) => put(notes, 'x', 'second')),
  }
  for (const [way, write] of Object.entries(ways)) {
    a.net.away = true
    t.match(await notes.set('x', 'first'), { outcome: 'pending' })
    a.net.away = false
    t.match(await write(), { outcome: 'applied' })
    t.equal(await notes.get('x'), 'second', way)
    t.equal(a.cache.stats().pending, 0)
    await pass(3000)
    t.equal(await notes.get('x'), 'second', way)
  }
})
