import { ManualClock, recordingLogger } from '@lockstep/testing'
import { test } from 'tap'
import { createCache, type Definition, memoryTransport } from '../src/index.ts'
import { type Book, fleet, isBook, settle } from './fleet.ts'

await test('K3 a miss loads once for all callers; then L1 answers; another replica finds it in L2', async (t) => {
  const { replicas, state } = fleet(2)
  const [a, b] = replicas
  if (!a || !b) throw new Error('no replicas')
  const all = await Promise.all(Array.from({ length: 50 }, () => a.books.read(42)))
  t.equal(state.loads, 1)
  t.ok(all.every((reading) => reading.from === 'source' && reading.value?.title === 'first'))
  t.match(await a.books.read(42), { from: 'l1', ttl: 60_000, stored: true })
  await settle()
  t.match(await b.books.read(42), { from: 'l2', value: { title: 'first' } })
  t.match(await b.books.read(42), { from: 'l1' })
  t.equal(state.loads, 1)
})

await test('an L1 hit is the same object, without a copy, and peek sees it', async (t) => {
  const { first } = fleet()
  t.equal(first.books.peek(42), undefined)
  const value = await first.books.get(42)
  t.equal(await first.books.get(42), value)
  t.equal(first.books.peek(42), value)
})

await test('K13 absence is cached, for its own time', async (t) => {
  const { first, clock, source, state } = fleet()
  t.equal(await first.books.get(7), undefined)
  t.equal(await first.books.get(7), undefined)
  t.equal(state.loads, 1)
  source.set(7, { title: 'new' })
  clock.advance(10_001)
  t.match(await first.books.get(7), { title: 'new' })
})

await test('K2 an entry ends, and L1 does not outlive L2', async (t) => {
  const { replicas, clock, source } = fleet(2)
  const [a, b] = replicas
  await a?.books.get(42)
  clock.advance(40_000)
  t.equal((await b?.books.read(42))?.ttl, 20_000, 'what is left in L2')
  source.set(42, { title: 'second' })
  clock.advance(20_000)
  t.match(await b?.books.read(42), { from: 'source', value: { title: 'second' } })
})

await test('jitter shortens a life, and never lengthens it', async (t) => {
  const clock = new ManualClock()
  const cache = createCache({
    transport: memoryTransport({ clock }),
    logger: recordingLogger(),
    clock,
    random: () => 0.5,
  })
  const books = cache.define({
    name: 'books',
    version: 1,
    key: (id: number) => id,
    load: async () => ({ title: 'x' }),
    accepts: isBook,
    ttl: '100s',
    jitter: 0.2,
  })
  t.equal((await books.read(1)).ttl, 90_000)
})

await test('a load is given up after its hardTimeout, and told so', async (t) => {
  const signals: AbortSignal[] = []
  const { first, clock } = fleet(1, {
    hardTimeout: '2s',
    load: (_id, { signal }) => {
      signals.push(signal)
      return new Promise(() => {})
    },
  })
  const read = first.books.get(42)
  await settle()
  clock.advance(2000)
  await t.rejects(read, { code: 'LOCKSTEP_LOAD_TIMEOUT', message: /books:v1:42 .* 2000 ms/ })
  t.equal(signals[0]?.aborted, true)
  t.match(first.cache.stats(), { loads: 1, loadErrors: 1 })
})

await test('what a loader throws reaches all who wait, and is not cached', async (t) => {
  let fail = true
  const { first } = fleet(1, {
    load: async () => {
      if (fail) throw new Error('database is away')
      return { title: 'back' }
    },
  })
  const results = await Promise.allSettled([first.books.get(42), first.books.get(42)])
  t.ok(results.every(({ status }) => status === 'rejected'))
  fail = false
  t.match(await first.books.get(42), { title: 'back' })
})

await test('an entry of another shape reads as absent', async (t) => {
  const { replicas, state } = fleet(2)
  const [a, b] = replicas
  await a?.cache
    .define({
      name: 'films',
      version: 1,
      key: (id: number) => id,
      load: async () => ({ name: 'old shape' }),
      accepts: (stored): stored is { name: string } => stored !== null,
      ttl: '1m',
    })
    .get(1)
  await settle()
  const films = b?.cache.define({
    name: 'films',
    version: 1,
    key: (id: number) => id,
    load: async () => ({ title: 'new shape' }),
    accepts: isBook,
    ttl: '1m',
  })
  t.match(await films?.read(1), { from: 'source', value: { title: 'new shape' } })
  t.equal(state.loads, 0)
})

await test('a wrong definition is named', async (t) => {
  const { first } = fleet()
  const define = (more: Partial<Definition<number, Book>>) => () =>
    first.cache.define<number, Book>({
      name: 'films',
      version: 1,
      key: (id) => id,
      load: async () => undefined,
      accepts: isBook,
      ttl: '1m',
      ...more,
    })
  const wrong = { code: 'LOCKSTEP_CACHE_DEFINITION' }
  t.throws(define({ name: 'books' }), { ...wrong, message: /books:v1 already/ })
  t.throws(define({ name: 'Books:x' }), wrong)
  t.throws(define({ name: 'lease' }), wrong)
  t.throws(define({ version: 1.5 }), wrong)
  t.throws(define({ jitter: 1 }), wrong)
  t.throws(define({ ttl: -1 }), { code: 'LOCKSTEP_DURATION_INVALID', message: /films:v1 ttl/ })
})

await test('L1 is bounded: the entry used least recently goes', async (t) => {
  const { first } = fleet(1, { maxEntries: 2 })
  for (const id of [1, 2]) await first.books.get(id)
  await first.books.get(1)
  await first.books.get(3)
  await settle()
  t.match(await first.books.read(1), { from: 'l1' })
  t.match(await first.books.read(2), { from: 'l2' })
})

await test('a predicate that throws has not accepted, and a key that is none is refused', async (t) => {
  const { first, state } = fleet(1, {
    accepts: (stored): stored is Book => {
      if (stored !== null) throw new Error('not of this shape')
      return false
    },
  })
  await first.books.get(42)
  await settle()
  await first.books.invalidate(7)
  t.match(await first.books.get(42), { title: 'first' })
  t.equal(state.loads, 1)
  t.throws(() => first.cache.invalidate({ keys: ['books'] }), { code: 'LOCKSTEP_CACHE_DEFINITION' })
})
