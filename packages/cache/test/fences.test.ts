import { test } from 'tap'
import { type Book, fleet, isBook, onUnsteadyBus, settle } from './fleet.ts'

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

await test('G2 a load that lands after it was voided does not unregister the one that came after it', async (t) => {
  const landings: ((book: Book) => void)[] = []
  const { first } = fleet(1, { load: () => new Promise((resolve) => landings.push(resolve)) })
  const voided = first.books.read(42)
  await settle()
  await first.books.invalidate(42)
  const overtaken = first.books.read(42)
  await settle()
  landings[0]?.({ title: 'first' })
  await voided
  await first.books.invalidate(42)
  landings[1]?.({ title: 'second' })
  t.match(await overtaken, { stored: false }, 'the second eviction still knew of it')
  const after = first.books.read(42)
  await settle()
  landings[2]?.({ title: 'third' })
  t.match(await after, { value: { title: 'third' }, stored: true })
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
