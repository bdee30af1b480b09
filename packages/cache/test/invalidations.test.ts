import { ManualClock, recordingLogger } from '@lockstep/testing'
import { test } from 'tap'
import { createCache, memoryTransport } from '../src/index.ts'
import { fleet, settle } from './fleet.ts'

await test('an invalidation evicts in every replica, and in L2', async (t) => {
  const { replicas, source } = fleet(3)
  for (const { books } of replicas) await books.get(42)
  source.set(42, { title: 'second' })
  t.equal(await replicas[0]?.books.invalidate(42), 'applied')
  for (const { books } of replicas) t.match(await books.get(42), { title: 'second' })
})

await test('K6 what L2 cannot do is counted, said once, and fails no read and no write', async (t) => {
  const { first, source, transport, clock, logger } = fleet()
  const away = async () => {
    throw new Error('redis is away')
  }
  const { store } = transport
  const working = { ...store }
  Object.assign(store, { read: away, lease: away, fill: away, invalidate: away })
  t.match(await first.books.read(42), { value: { title: 'first' }, from: 'source' })
  t.equal(await first.books.invalidate(42), 'pending')
  source.set(42, { title: 'second' })
  t.match(await first.books.read(42), { value: { title: 'second' }, stored: false })
  t.equal(first.cache.stats().l2Errors, 2)
  t.equal(logger.messages().filter((message) => message === 'the cache goes on without L2').length, 1)

  t.equal(first.cache.stats().pending, 1)
  Object.assign(store, working)
  clock.advance(250)
  await settle()
  t.equal(first.cache.stats().pending, 0, 'and what was owed is done')
  t.match(await first.books.read(42), { value: { title: 'second' }, stored: true })
})

await test('an invalidation that waits evicts the others when it is done', async (t) => {
  const { replicas, source, transport, clock } = fleet(2)
  const [a, b] = replicas
  if (!a || !b) throw new Error('no replicas')
  await a.books.get(42)
  await settle()
  await b.books.get(42)
  const { invalidate } = transport.store
  transport.store.invalidate = async () => {
    throw new Error('redis is away')
  }
  source.set(42, { title: 'second' })
  await Promise.all([a.books.invalidate(42), a.books.invalidate(42), a.books.clear(), a.books.clear()])
  transport.store.invalidate = invalidate
  clock.advance(250)
  await settle()
  t.match(await b.books.get(42), { title: 'second' })
  t.match(await a.books.read(42), { stored: true }, 'no fence is left behind')
})

await test('what is invalidated while a retry is on its way is not taken for done', async (t) => {
  const { first, transport, clock } = fleet()
  const { invalidate } = transport.store
  const fail = async () => {
    throw new Error('redis is away')
  }
  transport.store.invalidate = fail
  await first.books.invalidate(42)
  const hold = Promise.withResolvers<void>()
  transport.store.invalidate = () => hold.promise
  clock.advance(250)
  await settle()
  transport.store.invalidate = fail
  t.equal(
    await first.books.invalidate(42),
    'pending',
    'a second one, while the retry of the first is under way',
  )
  hold.resolve()
  await settle()
  t.equal(first.cache.stats().pending, 1, 'the second still waits')
  transport.store.invalidate = invalidate
  clock.advance(250)
  await settle()
  t.equal(first.cache.stats().pending, 0)
})

await test('the queue of invalidations that wait is bounded: past it, the cache is cleared', async (t) => {
  const { first, transport, clock } = fleet()
  const { invalidate } = transport.store
  transport.store.invalidate = async () => {
    throw new Error('redis is away')
  }
  const keys = Array.from({ length: 12_000 }, (_, id) => first.books.key(id))
  t.equal(await first.cache.invalidate({ keys }), 'pending')
  t.equal(first.cache.stats().pending, 10_001)
  t.match(await first.books.read(11_999), { bypass: 'invalidating' }, 'the cache is fenced instead')
  const sent: { names: number; caches: readonly string[] }[] = []
  transport.store.invalidate = async (what, message) => {
    sent.push({ names: what.names.length, caches: what.caches })
    return invalidate(what, message)
  }
  clock.advance(250)
  await settle()
  t.equal(first.cache.stats().pending, 0)
  t.same(sent[0], { names: 500, caches: ['books:v1'] })
  t.match(await first.books.read(11_999), { stored: true }, 'no fence is left behind')
})

await test('P5 a plain key evicts everywhere, in L2 too', async (t) => {
  const { replicas, source, transport } = fleet(2)
  for (const { books } of replicas) await books.get(42)
  for (const payload of ['books:v1:42', 'memory:{0}:books:v1:42']) {
    source.set(42, { title: payload })
    transport.publish(payload)
    await settle()
    for (const { books } of replicas) t.match(await books.get(42), { title: payload })
  }
})

await test('messages that are not for us change nothing; one from a later release flushes', async (t) => {
  const { first, transport, state } = fleet()
  await first.books.get(42)
  for (const payload of [
    'books:v1:7',
    'books:v2:42',
    'unknown',
    '',
    '{"v":1,"ns":"other","shard":0,"origin":"x","keys":["books:v1:42"],"caches":[]}',
  ]) {
    transport.publish(payload)
  }
  await settle()
  t.match(await first.books.read(42), { from: 'l1' })
  transport.publish('{"v":99,"ns":"memory"}')
  t.match(await first.books.read(42), { from: 'l2' })
  t.equal(state.loads, 1)
})

await test('a cache that is closed has sent what it owed', async (t) => {
  const { first, transport } = fleet()
  const { invalidate } = transport.store
  transport.store.invalidate = async () => {
    throw new Error('redis is away')
  }
  await first.books.invalidate(42)
  let sent = 0
  transport.store.invalidate = async (...args) => {
    sent++
    return invalidate(...args)
  }
  await first.cache.close()
  t.equal(sent, 1)
  t.equal(first.cache.live, false)
})

await test('a retry that fails is followed by another', async (t) => {
  const { first, transport, clock } = fleet()
  const { invalidate } = transport.store
  transport.store.invalidate = async () => {
    throw new Error('redis is away')
  }
  await first.books.invalidate(42)
  clock.advance(250)
  await settle()
  transport.store.invalidate = invalidate
  clock.advance(250)
  await settle()
  t.equal(first.cache.stats().pending, 0)
})

await test('what waits is sent as soon as Redis answers, without waiting for its turn', async (t) => {
  const transport = memoryTransport()
  const { invalidate } = transport.store
  let available = () => {}
  transport.store.onAvailable = (listener) => {
    const before = available
    available = () => {
      before()
      listener()
    }
    return () => {}
  }
  transport.store.invalidate = async () => {
    throw new Error('redis is away')
  }
  const cache = createCache({ transport, logger: recordingLogger(), clock: new ManualClock() })
  t.equal(await cache.invalidate({ keys: ['books:v1:42'] }), 'pending')
  transport.store.invalidate = invalidate
  available()
  await settle()
  t.equal(cache.stats().pending, 0)
})
