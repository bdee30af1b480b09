import { recordingLogger } from '@lockstep/testing'
import { test } from 'tap'
import { createCache } from '../src/cache.ts'
import { memoryTransport } from '../src/memory/transport.ts'
import { noCounts, totalOf } from '../src/stats.ts'
import { fleet, settle } from './fleet.ts'

await test('K11 hits by tier, misses, loads, errors, and the hit rate to two decimals', async (t) => {
  const { a, b, state, server } = await fleet({ size: 2 })
  await b.books.get(42)
  await settle()
  await a.books.get(42)
  await a.books.get(42)
  await a.books.get(7)
  state.fails = true
  await t.rejects(a.books.get(8))
  const stats = a.cache.stats()
  t.match(stats, { l1Hits: 1, l2Hits: 1, misses: 2, loads: 2, loadErrors: 1, hitRate: 50, l2Errors: 0 })
  t.match(stats.caches['books:v1'], { l1Hits: 1, l2Hits: 1, misses: 2, entries: 2 })
  t.match(stats.caches['loose:v1'], { l1Hits: 0, entries: 0, bytes: 0 })
  await b.cache.invalidateTags(['x'])
  t.equal(b.cache.stats().invalidations, 1)
  const { messages } = a.cache.stats()
  server.publish('{"v":99,"ns":"bank"}')
  t.equal(a.cache.stats().messages, messages, 'messages of others are not counted')
})

await test('K11 the hit rate: of no reads, of all, and rounded', async (t) => {
  const rate = (l1Hits: number, misses: number) => totalOf([{ ...noCounts(), l1Hits, misses }]).hitRate
  t.same([rate(0, 0), rate(5, 0), rate(0, 5), rate(2, 1), rate(1, 2)], [0, 100, 0, 66.67, 33.33])
})

await test('K11 peek and getMany count as reads do', async (t) => {
  const { a } = await fleet()
  await a.books.getMany([42, 7])
  a.books.peek(42)
  a.books.peek(8)
  await a.books.getMany([42, 7])
  t.match(a.cache.stats(), { misses: 2, l1Hits: 3, loads: 2 })
})

await test('K6 what L2 cannot do is counted, and said once until it is back', async (t) => {
  const { a, logger, pass } = await fleet()
  a.net.away = true
  for (let i = 0; i < 5; i++) t.match(await a.books.read(42), { value: { title: 'first' }, stored: false })
  await pass(3000)
  t.ok(a.cache.stats().l2Errors > 1)
  const said = () => logger.messages().filter((message) => message === 'the cache goes on without L2').length
  t.equal(said(), 1)
  a.net.restore()
  await pass(500)
  t.match(await a.books.read(42), { stored: true })
  a.net.away = true
  await a.books.get(7)
  t.equal(said(), 2)
})

await test('the events tell when L1 goes in and out of service, and what became of history', async (t) => {
  const { a, server, pass } = await fleet()
  t.same(
    a.events.map(({ type }) => type),
    ['flushed', 'live'],
  )
  t.equal(a.cache.live, true)
  a.net.away = true
  await pass(2500)
  t.equal(a.cache.live, false)
  a.net.restore()
  await pass(250)
  server.shard.rotate(server.shard.state.head?.incarnation ?? 0)
  await pass(1000)
  t.same(
    a.events.map(({ type }) => type),
    ['flushed', 'live', 'degraded', 'live', 'flushed', 'flushed'],
  )
  t.ok(a.events.every(({ shard }) => shard === 0))
  t.match(a.cache.stats(), { flushes: 3, rotations: 0 })
})

await test('K11 metrics are labelled by cache and tier, and say what stats say', async (t) => {
  const loads: { cache: string; failed: boolean }[] = []
  const cache = createCache({
    transport: memoryTransport(),
    logger: recordingLogger(),
    onLoad: ({ cache: name, failed }) => loads.push({ cache: name, failed }),
  })
  t.teardown(() => cache.close())
  const books = cache.define({
    name: 'books',
    version: 1,
    key: (id: number) => id,
    ttl: '1m',
    load: async (id) => {
      if (id === 13) throw new Error('no such luck')
      return id
    },
  })
  await books.get(1)
  await books.get(1)
  await t.rejects(books.get(13))
  t.equal(cache.stats().l1Hits, 1)
  const metrics = cache.metrics()
  const value = (name: string, labels: object) =>
    metrics.find((one) => one.name === name && JSON.stringify(one.labels) === JSON.stringify(labels))?.value
  t.equal(value('lockstep_cache_hits_total', { cache: 'books:v1', tier: 'l1' }), cache.stats().l1Hits)
  t.equal(value('lockstep_cache_loads_total', { cache: 'books:v1' }), 2)
  t.equal(value('lockstep_cache_load_errors_total', { cache: 'books:v1' }), 1)
  t.equal(value('lockstep_cache_live', {}), 1)
  t.same(loads, [
    { cache: 'books:v1', failed: false },
    { cache: 'books:v1', failed: true },
  ])
  t.ok(metrics.every(({ name, help }) => /^lockstep_cache_[a-z0-9_]+$/.test(name) && help !== ''))
})
