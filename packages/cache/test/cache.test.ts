import { ManualClock, recordingLogger } from '@lockstep/testing'
import { test } from 'tap'
import { createCache, type Definition, memoryTransport } from '../src/index.ts'

interface Book {
  title: string
}

const isBook = (stored: unknown): stored is Book =>
  typeof stored === 'object' && stored !== null && 'title' in stored

/** A fleet in one process: replicas over one memory transport, and a source whose loads finish when told. */
function fleet(size = 1, more: Partial<Definition<number, Book>> = {}) {
  const clock = new ManualClock()
  const logger = recordingLogger()
  const transport = memoryTransport({ clock })
  const source = new Map<number, Book>([[42, { title: 'first' }]])
  const gates: (() => void)[] = []
  const state = { held: false, loads: 0 }
  const replicas = Array.from({ length: size }, () => {
    const cache = createCache({ transport, logger, clock, random: () => 0 })
    const books = cache.define<number, Book>({
      name: 'books',
      version: 1,
      key: (id) => id,
      async load(id) {
        state.loads++
        const book = source.get(id)
        if (state.held) await new Promise<void>((resolve) => gates.push(resolve))
        return book && { ...book }
      },
      accepts: isBook,
      ttl: '60s',
      negativeTtl: '10s',
      ...more,
    })
    return { cache, books }
  })
  const [first] = replicas
  if (!first) throw new Error('no replica')
  const release = () => {
    state.held = false
    for (const open of gates.splice(0)) open()
  }
  return { clock, logger, transport, source, state, release, replicas, first }
}

/** Lets everything that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

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

await test('an invalidation evicts in every replica, and in L2', async (t) => {
  const { replicas, source } = fleet(3)
  for (const { books } of replicas) await books.get(42)
  source.set(42, { title: 'second' })
  t.equal(await replicas[0]?.books.invalidate(42), 'applied')
  for (const { books } of replicas) t.match(await books.get(42), { title: 'second' })
})

await test('G2 a load that an invalidation overtakes is stored nowhere, and nobody joins it any more', async (t) => {
  const { replicas, source, state, release } = fleet(2)
  const [a, b] = replicas
  if (!a || !b) throw new Error('no replicas')
  state.held = true
  const overtaken = a.books.read(42)
  await settle()
  source.set(42, { title: 'second' })
  await b.books.invalidate(42)
  const after = a.books.read(42)
  await settle()
  t.equal(state.loads, 2, 'the later caller does not join the load that began before')
  release()
  t.match(await overtaken, { value: { title: 'first' }, stored: false, bypass: 'invalidating' })
  t.match(await after, { value: { title: 'second' }, stored: true })
  await settle()
  t.match(await a.books.read(42), { from: 'l1', value: { title: 'second' } })
  t.match(await b.books.read(42), { from: 'l2', value: { title: 'second' } })
  t.equal(a.cache.stats().fenced, 1)
})

await test('G2 the same when a whole cache is cleared', async (t) => {
  const { replicas, source, state, release } = fleet(2)
  const [a, b] = replicas
  if (!a || !b) throw new Error('no replicas')
  state.held = true
  const overtaken = a.books.read(42)
  await settle()
  source.set(42, { title: 'second' })
  await b.books.clear()
  release()
  t.match(await overtaken, { value: { title: 'first' }, stored: false })
  await settle()
  t.match(await a.books.read(42), { from: 'source', value: { title: 'second' } })
})

await test('G3 while an invalidation is on its way, its own process reads past L2, and keeps nothing', async (t) => {
  const { first, source, transport } = fleet()
  await first.books.get(42)
  await settle()
  const { invalidate } = transport.store
  const hold = Promise.withResolvers<void>()
  transport.store.invalidate = async (...args) => {
    await hold.promise
    return invalidate(...args)
  }
  source.set(42, { title: 'second' })
  const sent = first.books.invalidate(42)
  t.match(await first.books.read(42), { value: { title: 'second' }, from: 'source', stored: false })
  hold.resolve()
  t.equal(await sent, 'applied')
  t.match(await first.books.read(42), { value: { title: 'second' }, stored: true })
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
  await Promise.all([a.books.invalidate(42), a.books.invalidate(42), a.books.clear()])
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

/** A replica whose bus goes up and down as it is told, and whose loads finish when told. */
function onUnsteadyBus() {
  const memory = memoryTransport()
  let listener = { up() {}, down() {} }
  const transport = {
    ...memory,
    bus: {
      listen(given: { up(): void; down(): void; message(payload: string): void }) {
        listener = given
        return async () => {}
      },
    },
  }
  const cache = createCache({ transport, logger: recordingLogger() })
  const state = { title: 'first', held: Promise.resolve() }
  const books = cache.define<number, Book>({
    name: 'books',
    version: 1,
    key: (id) => id,
    async load() {
      const { title } = state
      await state.held
      return { title }
    },
    accepts: isBook,
    ttl: '60s',
  })
  return { cache, books, state, store: memory.store, up: () => listener.up(), down: () => listener.down() }
}

await test('while the bus is down L1 is shut, and what was in it is gone when it is up again', async (t) => {
  const { cache, books, up, down } = onUnsteadyBus()
  t.equal(cache.live, false)
  t.match(await books.read(42), { from: 'source', stored: false, bypass: 'bus-down' })
  up()
  await books.read(42)
  t.match(await books.read(42), { from: 'l1' })
  down()
  t.equal(books.peek(42), undefined)
  t.match(await books.read(42), { from: 'l2', stored: false, bypass: 'bus-down' })
  up()
  t.match(await books.read(42), { from: 'l2', stored: true }, 'nothing from before is left')
})

await test('a load that began while the bus was down is not kept: its invalidation may have been missed', async (t) => {
  const { books, state, store, up } = onUnsteadyBus()
  const hold = Promise.withResolvers<void>()
  state.held = hold.promise
  const begun = books.read(42)
  await settle()
  await store.invalidate({ names: ['books:v1:42'], caches: [] }, undefined)
  state.title = 'second'
  up()
  state.held = Promise.resolve()
  hold.resolve()
  t.match(await begun, { value: { title: 'first' }, stored: false })
  t.match(await books.read(42), { value: { title: 'second' }, stored: true })
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

await test('G2 a load that lands after it was voided does not unregister the one that came after it', async (t) => {
  const { replicas, source, state, release } = fleet(2)
  const [a, b] = replicas
  if (!a || !b) throw new Error('no replicas')
  state.held = true
  const first = a.books.read(42)
  await settle()
  source.set(42, { title: 'second' })
  await b.books.invalidate(42)
  const second = a.books.read(42)
  await settle()
  source.set(42, { title: 'third' })
  t.equal(state.loads, 2)
  release()
  await first
  await b.books.invalidate(42)
  await second
  t.match(await a.books.read(42), { value: { title: 'third' } })
})

await test('G3 a fence stands until the last of those who put it up is done; a clear fences all of a cache', async (t) => {
  const { first, source, transport } = fleet()
  await first.books.get(42)
  await settle()
  const { invalidate } = transport.store
  const holds: PromiseWithResolvers<void>[] = []
  transport.store.invalidate = async (...args) => {
    const hold = Promise.withResolvers<void>()
    holds.push(hold)
    await hold.promise
    return invalidate(...args)
  }
  const fenced = { from: 'source', stored: false, bypass: 'invalidating', l2Bypass: 'invalidating' }
  const sent = [first.books.invalidate(42), first.books.invalidate(42)]
  holds[0]?.resolve()
  await sent[0]
  t.match(await first.books.read(42), fenced, 'the second is still on its way')
  holds[1]?.resolve()
  await sent[1]
  t.match(await first.books.read(42), { stored: true })

  source.set(42, { title: 'second' })
  const clear = first.books.clear()
  t.match(await first.books.read(42), { ...fenced, value: { title: 'second' } })
  holds[2]?.resolve()
  await clear
  t.match(await first.books.read(42), { stored: true })
})

await test('G3 also for a cache that is defined while its clear is on its way', async (t) => {
  const { first, transport } = fleet()
  const { invalidate } = transport.store
  const hold = Promise.withResolvers<void>()
  transport.store.invalidate = async (...args) => {
    await hold.promise
    return invalidate(...args)
  }
  const clear = first.cache.invalidate({ caches: [{ name: 'films:v1' }] })
  const films = first.cache.define<number, Book>({
    name: 'films',
    version: 1,
    key: (id) => id,
    load: async () => ({ title: 'x' }),
    accepts: isBook,
    ttl: '1m',
  })
  t.match(await films.read(1), { stored: false, bypass: 'invalidating' })
  hold.resolve()
  await clear
  t.match(await films.read(1), { stored: true })
  const again = films.clear()
  t.match(await films.read(1), { stored: false, bypass: 'invalidating' })
  await again
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
