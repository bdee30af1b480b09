import { test } from 'tap'
import { MAX_INTENT } from '../src/protocol/shard-view.ts'
import { fleet, settle } from './fleet.ts'

await test('K2 an entry ends with its ttl, in L1 and in L2', async (t) => {
  const { a, b, source, pass, server } = await fleet({ size: 2 })
  await a.books.get(42)
  await pass(40_000)
  t.match(await b.books.read(42), { from: 'l2', ttl: 20_000 }, 'what is left of it')
  source.set(42, { title: 'second' })
  await pass(19_750)
  t.match(await b.books.get(42), { title: 'first' })
  await pass(250)
  t.same(server.shard.names(), [], 'gone from Redis')
  t.match(await b.books.read(42), { from: 'source', value: { title: 'second' } }, 'L1 does not outlive L2')
})

await test('K2 sliding: an entry that is read lives on, one that is not ends', async (t) => {
  const { a, b, pass, server } = await fleet({ size: 2, define: { sliding: '10s' } })
  await a.books.get(42)
  for (let i = 0; i < 4; i++) {
    await pass(8000)
    t.match(await a.books.read(42), { value: { title: 'first' } })
  }
  await settle()
  t.match(await b.books.read(42), { from: 'l2', age: 32_000 }, 'reads in L1 keep it alive in L2')
  await pass(10_250)
  t.same(server.shard.names(), [])
  t.match(await a.books.read(42), { from: 'source' })
})

await test('K2 sliding never passes the ttl', async (t) => {
  const { a, pass, state, server } = await fleet({ define: { sliding: '20s', staleIfError: '30s' } })
  await a.books.get(42)
  for (let i = 0; i < 11; i++) {
    await pass(5000)
    t.equal((await a.books.read(42)).age, (i + 1) * 5000)
    a.books.touch(42)
  }
  await pass(5000)
  t.equal(state.loads, 1)
  t.match(await a.books.read(42), { from: 'source', age: 0 })
  await settle()
  t.equal(state.loads, 2)
  t.same(server.shard.names(), ['books:v1:42'])
})

await test('K2 sliding ends an entry of L1 also in the time in which it could be served stale', async (t) => {
  const { a, pass } = await fleet({ define: { sliding: '10s', staleWhileRevalidate: '30s' } })
  await a.books.get(42)
  await pass(61_000, 1000)
  t.match(await a.books.read(42), { from: 'source', stale: false })
})

await test('K2 neither reads nor touch keep an entry in Redis past its ttl', async (t) => {
  for (const touches of [true, false]) {
    const { a, pass, server } = await fleet({ define: { sliding: '20s' } })
    await a.books.get(42)
    for (let i = 0; i < 11; i++) {
      await pass(5000)
      if (touches) a.books.touch(42)
      else await a.books.get(42)
    }
    await pass(4750)
    t.same(server.shard.names(), ['books:v1:42'])
    await pass(250)
    t.same(server.shard.names(), [])
  }
})

await test('K2 touch keeps a sliding entry alive, and never makes one', async (t) => {
  const { a, pass, server } = await fleet({ define: { sliding: '10s' } })
  a.books.touch(42)
  await settle()
  t.same(server.shard.names(), [])
  await a.books.get(42)
  await pass(8000)
  a.books.touch(42)
  await pass(8000)
  t.same(server.shard.names(), ['books:v1:42'])
  await a.books.invalidate(42)
  a.books.touch(42)
  await settle()
  t.same(server.shard.names(), [], 'an invalidated entry does not come back')
})

await test('K2 jitter shortens a life by a random part, and never lengthens it', async (t) => {
  const define = { jitter: 0.2, earlyRefresh: 0 }
  const half = await fleet({ define, cache: { random: () => 0.5 } })
  t.equal((await half.a.books.read(42)).ttl, 54_000)
  const none = await fleet({ define: { ...define, jitter: 0 }, cache: { random: () => 0.5 } })
  t.equal((await none.a.books.read(42)).ttl, 60_000)
})

await test('K13 absence has a ttl of its own, and no stale life', async (t) => {
  const { a, source, state, pass } = await fleet({
    define: { staleWhileRevalidate: '1m', staleIfError: '1m' },
  })
  t.equal(await a.books.get(7), undefined)
  t.match(await a.books.read(7), { value: undefined, from: 'l1', ttl: 10_000 })
  t.equal(state.loads, 1)
  source.set(7, { title: 'new' })
  await pass(10_000)
  t.match(await a.books.read(7), { value: { title: 'new' }, from: 'source' })
})

await test('what is loaded in a young incarnation ends with its youth', async (t) => {
  const { a, pass } = await fleet({ young: true })
  await a.books.get(42)
  const { ttl } = await a.books.read(42)
  t.equal(ttl, MAX_INTENT)
  await pass(MAX_INTENT, 1000)
  await a.books.get(42)
  t.equal((await a.books.read(42)).ttl, 60_000)
  const careless = await fleet({ young: true, guards: { youth: false } })
  await careless.a.books.get(42)
  t.equal((await careless.a.books.read(42)).ttl, 60_000)
})
