import { type Test, test } from 'tap'
import { fleet, settle } from './fleet.ts'

await test('K3 staleWhileRevalidate: what expired is served while one in the fleet loads it anew', async (t) => {
  const { a, b, source, state, pass } = await fleet({ size: 2, define: { staleWhileRevalidate: '30s' } })
  await a.books.get(42)
  await settle()
  await b.books.get(42)
  await pass(61_000, 1000)
  source.set(42, { title: 'second' })
  state.held = false
  const readings = await Promise.all([a.books.read(42), a.books.read(42), b.books.read(42), b.books.read(42)])
  for (const reading of readings) t.match(reading, { value: { title: 'first' }, stale: true, ttl: -1000 })
  await settle()
  t.equal(state.loads, 2, 'one refresh')
  t.match(await a.books.get(42), { title: 'second' })
  await pass(1000)
  await b.books.get(42)
  await settle()
  t.match(await b.books.read(42), { value: { title: 'second' }, stale: false })
  t.equal(state.loads, 2)
})

await test('K3 a refresh behind the readers that fails leaves the source in peace for a second', async (t) => {
  const { a, state, pass } = await fleet({ define: { ttl: '10s', staleWhileRevalidate: '1h' } })
  await a.books.get(42)
  await pass(11_000)
  state.fails = true
  const hit = async () => {
    for (let i = 0; i < 20; i++) {
      t.match(await a.books.get(42), { title: 'first' })
      await settle()
    }
  }
  await hit()
  t.equal(state.loads, 2)
  await pass(1000)
  await hit()
  t.equal(state.loads, 3)
})

await test('K3 staleWhileRevalidate serves from L2 what no L1 holds, and ends in time', async (t) => {
  const { a, b, state, pass } = await fleet({ size: 2, define: { staleWhileRevalidate: '30s' } })
  await a.books.get(42)
  await pass(89_000, 1000)
  t.match(await b.books.read(42), { from: 'l2', stale: true })
  await settle()
  t.equal(state.loads, 2)
  await pass(91_000, 1000)
  t.match(await b.books.read(42), { from: 'source', stale: false })
})

await test('K3 a refresh behind a reader that brought his own loader, ttl and tags uses them', async (t) => {
  const { a, b, pass, state } = await fleet({ size: 2, define: { ttl: '10s', staleWhileRevalidate: '1h' } })
  const calls = { own: 0 }
  const own = async () => ({ title: `own ${++calls.own}` })
  const how = { ttl: '30s', tags: ['mine'] } as const
  await a.books.getOrLoad(7, own)
  await pass(11_000)
  t.match(await b.books.getOrLoad(7, own, how), { title: 'own 1' })
  await settle()
  t.same([calls.own, state.loads], [2, 0])
  t.match(await b.books.read(7), { from: 'l1', value: { title: 'own 2' }, ttl: 30_000 })
  t.match(await b.books.inspect(7), { tags: ['mine'] })
})

await test('K3 staleIfError: what expired is served when the load fails, for so long and no longer', async (t) => {
  const { a, state, source, pass } = await fleet({ define: { staleIfError: '30s' } })
  await a.books.get(42)
  await pass(61_000, 1000)
  state.fails = true
  t.match(await a.books.read(42), { value: { title: 'first' }, stale: true, degraded: 'load-failed' })
  t.equal(state.loads, 2)
  t.match(await a.books.get(42), { title: 'first' })
  t.equal(state.loads, 2, 'the source is left in peace for a second')
  await pass(1000)
  await a.books.get(42)
  t.equal(state.loads, 3)
  await pass(27_250)
  await a.books.get(42)
  await pass(750)
  await t.rejects(a.books.get(42), { message: 'the source is away' }, 'not even within that second')
  state.fails = false
  source.set(42, { title: 'second' })
  t.match(await a.books.get(42), { title: 'second' })
})

await test('K3 a load that fails with nothing stale at hand fails the read', async (t) => {
  const { a, state, pass } = await fleet()
  await a.books.get(42)
  await pass(61_000, 1000)
  state.fails = true
  await t.rejects(a.books.get(42), { message: 'the source is away' })
})

await test('K3 softTimeout: what is stale is served while the load goes on', async (t) => {
  const { a, state, source, pass, release } = await fleet({
    define: { staleIfError: '30s', softTimeout: '50ms' },
  })
  await a.books.get(42)
  await pass(61_000, 1000)
  source.set(42, { title: 'second' })
  state.held = true
  const reading = a.books.read(42)
  await pass(49, 49)
  await pass(1)
  t.match(await reading, { value: { title: 'first' }, stale: true, degraded: 'load-slow' })
  release()
  await settle()
  t.match(await a.books.read(42), { value: { title: 'second' }, from: 'l1' })
  t.equal(state.loads, 2)
})

await test('K3 G2 what was invalidated is never served stale, however the load goes', async (t) => {
  const { a, b, state, pass, release } = await fleet({
    size: 2,
    define: { staleIfError: '30s', staleWhenAway: '1h', softTimeout: '50ms' },
  })
  await a.books.get(42)
  await pass(61_000, 1000)
  state.fails = true
  await b.books.invalidate(42)
  await t.rejects(a.books.get(42), 'invalidated before')

  state.fails = false
  await a.books.get(42)
  await pass(61_000, 1000)
  state.held = true
  state.fails = true
  const during = a.books.get(42)
  during.catch(() => {})
  await settle()
  await b.books.invalidate(42)
  await pass(100, 50)
  release()
  await t.rejects(during, { message: 'the source is away' }, 'invalidated during the load')
})

await test('K3 staleWhenAway: by choice, L1 answers when Redis and the source are both away', async (t) => {
  const { a, state, pass } = await fleet({ define: { staleWhenAway: '10s', ttl: '5m' } })
  await a.books.get(42)
  await settle()
  a.net.away = true
  await pass(3000)
  t.match(await a.books.read(42), { from: 'source', degraded: 'l2-away' }, 'the source comes first')
  state.fails = true
  const reading = await a.books.read(42)
  t.match(reading, { value: { title: 'first' }, stored: true, degraded: 'load-failed' })
  t.ok(reading.bound >= 3000, 'and it says for how long nothing was heard')
  await pass(8000)
  await t.rejects(a.books.get(42), { message: 'the source is away' })
  const careful = await fleet({ define: { ttl: '5m' } })
  await careful.a.books.get(42)
  careful.a.net.away = true
  await careful.pass(3000)
  careful.state.fails = true
  await t.rejects(careful.a.books.get(42), { message: 'the source is away' })
})

/** Two processes, one of which loads for longer than its reader waits, who was given what has expired. */
async function outlasted(t: Test) {
  const parts = await fleet({ size: 2, define: { staleIfError: '30s', softTimeout: '50ms' } })
  const { a, state, pass } = parts
  await a.books.get(42)
  await pass(61_000, 1000)
  state.held = true
  const reading = a.books.read(42)
  await pass(49, 49)
  await pass(1)
  t.match(await reading, { value: { title: 'first' }, degraded: 'load-slow' })
  return parts
}

await test('G2 G3 softTimeout: a load that outlasts its readers is kept nowhere when it is overtaken', async (t) => {
  for (const writer of ['itself', 'another']) {
    const { a, b, state, source, release } = await outlasted(t)
    source.set(42, { title: 'second' })
    t.match(await (writer === 'itself' ? a : b).books.invalidate(42), { outcome: 'applied' })
    await settle()
    state.held = false
    release()
    await settle()
    for (const replica of [a, b]) t.match(await replica.books.get(42), { title: 'second' }, `by ${writer}`)
  }
})

await test('K3 softTimeout: it also bounds the wait for a load that another reader began', async (t) => {
  const { a, b, clock, state, pass, release } = await outlasted(t)
  const asked = clock.now()
  const others = [a, b].map(async ({ books }) => ({ reading: await books.read(42), at: clock.now() - asked }))
  await pass(80, 10)
  for (const { reading, at } of await Promise.all(others)) {
    t.match(reading, { value: { title: 'first' }, degraded: 'load-slow' })
    t.ok(at >= 50 && at <= 60, `after ${at} ms`)
  }
  t.equal(state.loads, 2, 'and nobody loads besides')
  release()
})

await test('K3 early refresh: by chance, one reader loads anew before the end, behind the others', async (t) => {
  const chance = { value: 0 }
  const { a, state, pass, clock, release } = await fleet({
    cache: { random: () => chance.value },
    define: { jitter: 0, staleWhileRevalidate: '1ms' },
  })
  chance.value = 1 - Math.exp(-5)
  state.held = true
  const loading = a.books.get(42)
  await settle()
  clock.advance(1000)
  release()
  await loading
  await pass(54_000, 1000)
  await a.books.get(42)
  await settle()
  t.equal(state.loads, 1, '5 times the second that the load took, before its end')
  await pass(1500)
  t.match(await a.books.read(42), { from: 'l1', stale: false })
  await settle()
  t.equal(state.loads, 2)
  t.match(await a.books.read(42), { from: 'l1', age: 0 })
})

await test('K3 earlyRefresh: 0 never loads before the end', async (t) => {
  const { a, state, pass, clock, release } = await fleet({
    cache: { random: () => 0.999 },
    define: { jitter: 0, earlyRefresh: 0 },
  })
  state.held = true
  const loading = a.books.get(42)
  await settle()
  clock.advance(1000)
  release()
  await loading
  await pass(59_500, 500)
  t.match(await a.books.read(42), { from: 'l1' })
  await settle()
  t.equal(state.loads, 1)
})
