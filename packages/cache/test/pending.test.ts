import { test } from 'tap'
import type { Invalidation } from '../src/protocol/history.ts'
import { fleet, settle } from './fleet.ts'

/** A replica whose Redis is away for writes alone, and what it sends when that is over. */
async function cutOff() {
  const { a, b, source, pass, clock, logger, server } = await fleet({
    size: 2,
    define: { tags: () => ['fresh'] },
  })
  const sent: Invalidation[] = []
  const working = a.store.invalidate
  const state = { away: true }
  a.store.invalidate = async (shard, what, note) => {
    if (state.away) throw new Error('redis is away')
    sent.push(what)
    return working(shard, what, note)
  }
  return { a, b, source, pass, clock, logger, server, sent, cut: state }
}

await test('K6 an invalidation that Redis does not get is pending: reads go past it, and it is retried', async (t) => {
  const { a, b, cut, source, pass, logger } = await cutOff()
  await a.books.get(42)
  await settle()
  await b.books.get(42)
  source.set(42, { title: 'second' })
  t.match(await a.books.invalidate(42), { outcome: 'pending', removed: 0, token: '' })
  t.equal(a.cache.stats().pending, 1)
  t.match(await a.books.read(42), { value: { title: 'second' }, stored: false, degraded: 'invalidating' })
  await pass(1000)
  t.equal(a.cache.stats().pending, 1, 'a retry that fails is followed by another')
  cut.away = false
  await pass(2000)
  t.equal(a.cache.stats().pending, 0)
  for (const { books } of [a, b]) t.match(await books.read(42), { value: { title: 'second' }, stored: true })
  t.same(logger.messages(), [
    'invalidation waits for redis; it will be retried',
    'invalidations that waited are done',
  ])
})

await test('G3 the same for a tag: what carries it is read from the source meanwhile', async (t) => {
  const { a, source, cut, pass } = await cutOff()
  await a.books.get(42)
  await settle()
  source.set(42, { title: 'second' })
  t.match(await a.cache.invalidateTags(['fresh']), { outcome: 'pending' })
  t.match(await a.books.read(42), { value: { title: 'second' }, stored: false, degraded: 'invalidating' })
  t.match(await a.books.getMany([42]), [{ title: 'second' }])
  cut.away = false
  await pass(2000)
  t.match(await a.books.get(42), { title: 'second' })
  t.match(await a.books.read(42), { from: 'l1' })
})

await test('what waits is sent as soon as Redis answers, without waiting for its turn', async (t) => {
  const { a } = await fleet()
  a.net.away = true
  await a.books.invalidate(42)
  a.net.restore()
  await settle()
  t.equal(a.cache.stats().pending, 0)
})

await test('a later invalidation of the same that is done settles one that waits', async (t) => {
  const { a } = await fleet()
  a.net.away = true
  await a.books.invalidate(42)
  await a.books.invalidate(43)
  a.net.away = false
  t.match(await a.books.invalidate(42), { outcome: 'applied' })
  t.equal(a.cache.stats().pending, 1, 'the other still waits')
  await a.books.get(42)
  t.match(await a.books.read(42), { from: 'l1' })
})

await test('what is invalidated while a retry is on its way is not taken for done', async (t) => {
  const { a, pass } = await fleet()
  const working = a.store.invalidate
  const fail = async () => {
    throw new Error('redis is away')
  }
  a.store.invalidate = fail
  await a.books.invalidate(42)
  const gate = Promise.withResolvers<void>()
  a.store.invalidate = async (...args) => {
    await gate.promise
    return working(...args)
  }
  await pass(250)
  a.store.invalidate = fail
  t.match(await a.books.invalidate(42), { outcome: 'pending' }, 'a second one, while the retry is under way')
  gate.resolve()
  await settle()
  t.equal(a.cache.stats().pending, 1, 'the second still waits')
  a.store.invalidate = working
  await pass(2000)
  t.equal(a.cache.stats().pending, 0)
  await a.books.get(42)
  t.match(await a.books.read(42), { from: 'l1' }, 'no fence is left behind')
})

await test('the queue is bounded: past it, whole caches wait instead, and no eviction is lost', async (t) => {
  const { a, cut, sent, pass } = await cutOff()
  const keys = Array.from({ length: 12_000 }, (_, id) => a.books.key(id))
  t.match(await a.cache.invalidate({ keys }), { outcome: 'pending' })
  t.equal(a.cache.stats().pending, 10_001)
  t.match(await a.books.read(42_000), { degraded: 'invalidating' }, 'the cache is fenced')
  await a.cache.invalidateTags(['one more'])
  t.equal(a.cache.stats().pending, 10_002)
  const films = a.cache.define({
    name: 'films',
    version: 1,
    key: (id: number) => id,
    load: async () => 1,
    ttl: '1m',
  })
  t.match(await films.read(1), { degraded: 'invalidating' }, 'past it a tag waits as everything')
  cut.away = false
  await pass(2000)
  t.equal(a.cache.stats().pending, 0)
  t.ok(sent.every(({ keys: some }) => some.length <= 500))
  t.same(
    sent.flatMap(({ caches, prefixes, tags }) => [...caches, ...prefixes, ...tags]),
    ['books:v1', ''],
  )
  t.match(await a.books.read(42), { stored: true }, 'no fence is left behind')
  t.match(await films.read(1), { stored: true })
})

await test('one big invalidation goes out in calls of 500, and resolves when all are done', async (t) => {
  const { a, cut, sent } = await cutOff()
  cut.away = false
  const keys = Array.from({ length: 1201 }, (_, id) => a.books.key(id))
  t.match(await a.cache.invalidate({ keys }), { outcome: 'applied' })
  t.same(
    sent.map(({ keys: some }) => some.length),
    [500, 500, 201],
  )
})

await test('a cache that is closed has sent what it owed, and leaves no timer behind', async (t) => {
  const { a, b, cut, sent, clock, server, pass } = await cutOff()
  await b.cache.close()
  await a.books.get(42)
  await pass(1000)
  await a.books.invalidate(42)
  cut.away = false
  await a.cache.close()
  t.equal(sent.length, 1)
  t.equal(a.cache.live, false)
  t.equal(clock.waiting, 0)
  t.equal(server.shard.state.replicas.size, 0)
  clock.advance(10_000)
  await settle()
  t.equal(clock.waiting, 0)
})

await test('closing sends what waits first, and gives a load that nobody waits for no more than a second', async (t) => {
  const { a, state, pass, clock } = await fleet({
    define: { ttl: '10s', staleWhileRevalidate: '1h', hardTimeout: '5m' },
  })
  await a.books.get(42)
  await pass(11_000)
  state.held = true
  t.match(await a.books.read(42), { stale: true })
  await settle()
  a.net.away = true
  await a.books.invalidate(1)
  a.net.away = false
  const closed = { yet: false }
  const closing = a.cache.close().then(() => (closed.yet = true))
  await settle()
  t.equal(a.cache.stats().pending, 0)
  t.equal(closed.yet, false)
  clock.advance(1000)
  await closing
})

await test('closing while Redis is away ends, too', async (t) => {
  const { a, clock } = await fleet()
  a.net.away = true
  await a.books.invalidate(42)
  await a.cache.close()
  t.equal(clock.waiting, 0)
  t.equal(a.cache.stats().pending, 1, 'and says what it still owes')
})

await test('a closed cache still answers, from the source: nobody may take it for a replica that listens', async (t) => {
  const { a, server, state } = await fleet()
  await a.books.get(42)
  const probing = a.cache.close()
  await probing
  t.match(await a.books.read(42), { from: 'source', stored: false, degraded: 'l2-away' })
  await settle()
  t.equal(a.cache.live, false)
  t.equal(server.shard.state.replicas.size, 0)
  t.equal(state.loads, 2)
})
