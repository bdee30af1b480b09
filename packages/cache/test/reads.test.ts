import { test } from 'tap'
import { bytesCodec, msgpackCodec } from '../src/index.ts'
import { fleet, settle } from './fleet.ts'

await test('K1 get: from the source, then from L1; another replica finds it in L2', async (t) => {
  const { a, b, state } = await fleet({ size: 2 })
  t.match(await a.books.read(42), { value: { title: 'first' }, from: 'source', stored: true, bound: 0 })
  t.match(await a.books.read(42), { from: 'l1', ttl: 60_000, age: 0, stale: false })
  await settle()
  t.match(await b.books.read(42), { value: { title: 'first' }, from: 'l2', stored: true })
  t.match(await b.books.read(42), { from: 'l1' })
  t.equal(state.loads, 1)
})

await test('K1 a hit in L1 is the same object each time, and peek asks nobody', async (t) => {
  const { a, state } = await fleet()
  t.equal(a.books.peek(42), undefined)
  const value = await a.books.get(42)
  t.equal(await a.books.get(42), value)
  t.equal(a.books.peek(42), value)
  t.equal(state.loads, 1)
})

await test('what a read says of itself: age, ttl and bound go on with the clocks', async (t) => {
  const { a, clock, pass } = await fleet()
  await a.books.get(42)
  await pass(10_000)
  clock.advance(100)
  t.match(await a.books.read(42), { from: 'l1', age: 10_100, ttl: 49_900, bound: 100, stale: false })
})

await test('K1 remove: an invalidated entry is in no tier', async (t) => {
  const { a, server } = await fleet()
  await a.books.get(42)
  await settle()
  t.same(server.shard.names(), ['books:v1:42'])
  t.match(await a.books.invalidate(42), { outcome: 'applied', removed: 1 })
  t.equal(a.books.peek(42), undefined)
  t.same(server.shard.names(), [])
})

await test('K1 refresh loads anew whatever there is, and every replica comes to see it', async (t) => {
  const { a, b, source, state } = await fleet({ size: 2 })
  await a.books.get(42)
  source.set(42, { title: 'second' })
  t.match(await a.books.refresh(42), { title: 'second' })
  t.match(await a.books.read(42), { from: 'l1', value: { title: 'second' } })
  await settle()
  t.match(await b.books.read(42), { from: 'l2', value: { title: 'second' } })
  source.set(42, { title: 'third' })
  const all = await Promise.all([a.books.refresh(42), a.books.refresh(42), b.books.refresh(42)])
  t.ok(all.every((value) => value?.title === 'third'))
  t.equal(state.loads, 3, 'those who refresh at once share one load')
})

await test('K1 refresh waits for the load of another replica, and never answers what there was before', async (t) => {
  const { a, b, source, state, pass, release } = await fleet({ size: 2 })
  await a.books.get(42)
  await settle()
  source.set(42, { title: 'second' })
  state.held = true
  const first = a.books.refresh(42)
  await settle()
  const second = b.books.refresh(42)
  await pass(500, 20)
  release()
  await pass(500, 20)
  t.match(await Promise.all([first, second]), [{ title: 'second' }, { title: 'second' }])
  t.equal(state.loads, 2, 'and does not load beside it')
})

await test('K1 an AbortSignal ends the wait, not the load', async (t) => {
  const { a, state, release } = await fleet()
  state.held = true
  const controller = new AbortController()
  const left = a.books.get(42, { signal: controller.signal })
  const stayed = a.books.get(42)
  await settle()
  controller.abort(new Error('enough'))
  await t.rejects(left, { message: 'enough' })
  release()
  t.match(await stayed, { title: 'first' })
  t.equal(state.loads, 1)
})

await test('K1 a signal that is aborted already asks for nothing', async (t) => {
  const { a, state } = await fleet()
  await t.rejects(a.books.get(42, { signal: AbortSignal.abort() }), { name: 'AbortError' })
  await t.rejects(a.books.read(42, { signal: AbortSignal.abort() }), { name: 'AbortError' })
  await settle()
  t.equal(state.loads, 0)
})

await test('K1 strings, bytes and typed values, through L2 and back', async (t) => {
  const { a, b } = await fleet({ size: 2 })
  const of = <V>(name: string, value: V, codec?: typeof bytesCodec) => {
    const define = { name, version: 1, key: (id: string) => id, ttl: '1m', load: async () => value } as const
    const [one, other] = [a, b].map(({ cache }) =>
      cache.define<string, V>(codec ? { ...define, codec } : define),
    )
    return async () => {
      await one?.get('x')
      await settle()
      const reading = await other?.read('x')
      t.equal(reading?.from, 'l2')
      return reading?.value
    }
  }
  const when = new Date(0)
  t.equal(await of('texts', 'text', bytesCodec)(), 'text')
  t.same(await of('bytes', Buffer.from([0, 255]), bytesCodec)(), Buffer.from([0, 255]))
  t.same(await of('json', { when, nothing: undefined })(), { when: when.toISOString() }, 'K7 as JSON has it')
  t.same(await of('pack', { when, n: 1n }, msgpackCodec)(), { when, n: 1n })
})

await test('getMany keeps the order, with duplicates, over both tiers and the source', async (t) => {
  const { a, b, source, state } = await fleet({ size: 2 })
  for (const id of [1, 2, 3]) source.set(id, { title: `book ${id}` })
  await a.books.get(1)
  await b.books.get(2)
  await settle()
  const values = await a.books.getMany([3, 7, 1, 2, 3])
  t.same(
    values.map((value) => value?.title),
    ['book 3', undefined, 'book 1', 'book 2', 'book 3'],
  )
  t.equal(state.loads, 4, 'of 1, 2, 3 and 7: each once')
  t.match(a.cache.stats(), { l1Hits: 1, l2Hits: 1 })
  t.same(await a.books.getMany([]), [])
})

await test('who wants the value only and who wants to know more share one flight, to L2 and to the source', async (t) => {
  const { a, b, state } = await fleet({ size: 2 })
  const all = ({ books }: typeof a) =>
    [books.get(42), books.read(42), books.get(42), books.getMany([42])] as const
  const [value, reading, again, many] = await Promise.all(all(a))
  t.match(reading, { value: { title: 'first' }, from: 'source' })
  t.ok(value === reading.value && again === value && many[0] === value)
  t.equal(state.loads, 1)
  await settle()
  const [there, found, more] = await Promise.all(all(b))
  t.match(found, { value: { title: 'first' }, from: 'l2', stored: true })
  t.ok(there === found.value && more === there)
  t.equal(state.loads, 1)
  state.fails = true
  for (const failed of await Promise.allSettled([a.books.get(7), a.books.read(7), a.books.getMany([7])])) {
    t.match(failed, { status: 'rejected', reason: { message: 'the source is away' } })
  }
  t.equal(state.loads, 2)
})

await test('an absence in L2 is an answer to get, read and getMany', async (t) => {
  const { a, b, state, join } = await fleet({ size: 2 })
  t.equal(await a.books.get(7), undefined)
  await settle()
  t.same(await b.books.getMany([7, 7]), [undefined, undefined])
  const [c, d] = [join(), join()]
  await settle()
  t.equal(await c.books.get(7), undefined)
  t.match(await d.books.read(7), { value: undefined, from: 'l2', stored: true })
  t.equal(state.loads, 1)
})

await test('getMany reads L2 a thousand at a time, one command after another', async (t) => {
  const { a, b, source, state } = await fleet({ size: 2 })
  const keys = Array.from({ length: 2500 }, (_, id) => id)
  for (const id of keys) source.set(id, { title: `book ${id}` })
  await a.books.getMany(keys)
  await settle()
  const sizes: number[] = []
  let under = 0
  const { read } = b.store
  b.store.read = async (shard, names) => {
    sizes.push(names.length)
    t.equal(++under, 1)
    const reply = await read(shard, names)
    under--
    return reply
  }
  const values = await b.books.getMany(keys)
  t.same(sizes, [1000, 1000, 500])
  t.ok(values.every((value, id) => value?.title === `book ${id}`))
  t.equal(state.loads, 2500)
})

await test('inspect says where an entry lies, and neither loads it nor moves it', async (t) => {
  const { a, b, state, pass } = await fleet({
    size: 2,
    define: { tags: () => ['fresh'], versionOf: () => 3 },
  })
  t.same(await a.books.inspect(42), { tier: 'none', bound: 0, degraded: false })
  t.equal(state.loads, 0)
  await a.books.get(42)
  await pass(1000)
  const known = { age: 1000, ttl: 59_000, version: 3, tags: ['fresh'], degraded: false }
  t.match(await a.books.inspect(42), { tier: 'l1', ...known })
  t.match(await b.books.inspect(42), { tier: 'l2', ...known })
  t.equal(b.books.peek(42), undefined)
  t.match(b.cache.stats(), { l2Hits: 0, misses: 0 })
  b.net.away = true
  await pass(2000)
  t.match(await b.books.inspect(42), { tier: 'none', degraded: true })
})

await test('getOrSet needs no definition; its own ttl and tags hold', async (t) => {
  const { a, pass } = await fleet()
  let loads = 0
  const load = async () => ++loads
  const get = () => a.cache.getOrSet('page', load, { ttl: '10s', tags: ['pages'] })
  t.same(await Promise.all([get(), get(), get()]), [1, 1, 1])
  await pass(9000)
  t.equal(await get(), 1)
  await pass(1000)
  t.equal(await get(), 2)
  await a.cache.invalidateTags(['pages'])
  t.equal(await get(), 3)
})
