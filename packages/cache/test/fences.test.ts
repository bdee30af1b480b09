import { test } from 'tap'
import { type Book, fleet, settle } from './fleet.ts'

await test('G2 a load that an invalidation overtakes is stored nowhere, and nobody joins it any more', async (t) => {
  const { a, b, source, state, release } = await fleet({ size: 2 })
  state.held = true
  const overtaken = a.books.read(42)
  await settle()
  source.set(42, { title: 'second' })
  await b.books.invalidate(42)
  const after = a.books.read(42)
  await settle()
  t.equal(state.loads, 2, 'the later caller does not join the load that began before')
  release()
  t.match(await overtaken, { value: { title: 'first' }, stored: false })
  t.match(await after, { value: { title: 'second' }, stored: true })
  await settle()
  t.match(await a.books.read(42), { from: 'l1', value: { title: 'second' } })
  t.match(await b.books.read(42), { from: 'l2', value: { title: 'second' } })
  t.equal(a.cache.stats().fenced, 1)
})

await test('without the fence, it would be kept', async (t) => {
  const { a, b, source, state, release } = await fleet({ size: 2, guards: { fence: false } })
  state.held = true
  const overtaken = a.books.read(42)
  await settle()
  source.set(42, { title: 'second' })
  await b.books.invalidate(42)
  release()
  t.match(await overtaken, { stored: true })
  t.match(await a.books.read(42), { from: 'l1', value: { title: 'first' } })
})

await test('G2 the same when a whole cache is cleared; and nobody waits for the lease of such a load', async (t) => {
  const { a, b, source, state, release } = await fleet({ size: 2 })
  state.held = true
  const overtaken = a.books.read(42)
  await settle()
  source.set(42, { title: 'second' })
  await b.books.clear()
  release()
  t.match(await overtaken, { value: { title: 'first' }, stored: false })
  await settle()
  t.match(await b.books.read(42), { from: 'source', value: { title: 'second' } })
  t.match(await a.books.get(42), { title: 'second' })
})

await test('G2 a load whose invalidation was not heard is stored in no L2: its fill lease is gone', async (t) => {
  const { a, b, source, state, release, pass } = await fleet({ size: 2, define: { hardTimeout: '1h' } })
  state.held = true
  const overtaken = a.books.read(42)
  await settle()
  a.net.deaf = true
  source.set(42, { title: 'second' })
  await b.books.invalidate(42)
  release()
  t.match(await overtaken, { value: { title: 'first' } })
  await settle()
  t.match(await b.books.read(42), { from: 'source', value: { title: 'second' } })
  await pass(2000)
  t.match(await a.books.read(42), { value: { title: 'second' } }, 'and its own L1 hears of it from the log')
})

await test('without the fill lease, it would lie in L2', async (t) => {
  const { a, b, source, state, release } = await fleet({ size: 2, guards: { fillLease: false } })
  state.held = true
  const overtaken = a.books.read(42)
  await settle()
  a.net.deaf = true
  source.set(42, { title: 'second' })
  await b.books.invalidate(42)
  release()
  await overtaken
  await settle()
  t.match(await b.books.read(42), { from: 'l2', value: { title: 'first' } })
})

await test('G2 a load that lands after it was voided does not unregister the one that came after it', async (t) => {
  const landings: ((book: Book) => void)[] = []
  const { a } = await fleet({ define: { load: () => new Promise((resolve) => landings.push(resolve)) } })
  const voided = a.books.read(42)
  await settle()
  await a.books.invalidate(42)
  const overtaken = a.books.read(42)
  await settle()
  landings[0]?.({ title: 'first' })
  await voided
  await a.books.invalidate(42)
  landings[1]?.({ title: 'second' })
  t.match(await overtaken, { stored: false }, 'the second eviction still knew of it')
  const after = a.books.read(42)
  await settle()
  landings[2]?.({ title: 'third' })
  t.match(await after, { value: { title: 'third' }, stored: true })
})

await test('G2 nobody joins a load that is older than T: the next ones share a load of their own', async (t) => {
  const { a, source, state, pass, release } = await fleet({ define: { hardTimeout: '1h' } })
  state.held = true
  const old = a.books.read(42)
  await settle()
  const joined = a.books.read(42)
  await pass(2000)
  const late = [a.books.read(42), a.books.read(42)]
  await settle()
  t.equal(state.loads, 1, 'one at a time')
  source.set(42, { title: 'second' })
  release()
  t.match(await Promise.all([old, joined]), [{ value: { title: 'first' } }, { value: { title: 'first' } }])
  for (const reading of await Promise.all(late)) t.match(reading, { from: 'l2' })
  const careless = await fleet({ define: { hardTimeout: '1h' }, guards: { joinAge: false } })
  careless.state.held = true
  const first = careless.a.books.read(42)
  await careless.pass(2000)
  const joiner = careless.a.books.read(42)
  careless.release()
  t.equal(await first, await joiner, 'without the guard they would share')
})

await test('G2 with Redis away nobody joins a load that may have read the source already', async (t) => {
  const { a, source, state, pass, release } = await fleet()
  a.net.away = true
  await pass(3000)
  state.held = true
  const early = a.books.read(42)
  await settle()
  source.set(42, { title: 'second' })
  const late = [a.books.read(42), a.books.read(42)]
  await settle()
  t.equal(state.loads, 1)
  release()
  t.match(await early, { value: { title: 'first' }, stored: false, degraded: 'l2-away' })
  for (const reading of await Promise.all(late)) t.match(reading, { value: { title: 'second' } })
  t.equal(state.loads, 2)
})
