import { test } from 'tap'
import { LoadTimeoutError } from '../src/index.ts'
import { type Book, fleet, settle } from './fleet.ts'

await test('K3 one load for all callers of a process', async (t) => {
  const { a, state } = await fleet()
  const all = await Promise.all(Array.from({ length: 50 }, () => a.books.get(42)))
  t.equal(new Set(all).size, 1)
  t.equal(state.loads, 1)
})

await test('K3 G7 one load for a cold key in the whole fleet', async (t) => {
  const { a, b, c, state, release } = await fleet({ size: 3 })
  state.held = true
  const reads = [a, b, c].flatMap(({ books }) => Array.from({ length: 10 }, () => books.read(42)))
  await settle()
  t.equal(state.loads, 1)
  release()
  const readings = await Promise.all(reads)
  t.equal(state.loads, 1)
  t.ok(readings.every(({ value }) => value?.title === 'first'))
  t.same([...new Set(readings.map(({ from }) => from))].toSorted(), ['l2', 'source'])
})

await test('a loaded entry is on its way to L2 before those who waited for it go on', async (t) => {
  const { a } = await fleet()
  const order: string[] = []
  const fill = a.store.fill.bind(a.store)
  a.store.fill = (shard, fills) => {
    order.push('fill')
    return fill(shard, fills)
  }
  const caller = async () => {
    await a.books.get(42)
    order.push('caller')
  }
  await Promise.all([caller(), caller()])
  t.same(order, ['fill', 'caller', 'caller'])
})

await test('K3 who waits for the load of another replica finds it by polling when the word of it is lost', async (t) => {
  const { a, b, state, release, pass } = await fleet({ size: 2 })
  state.held = true
  const loading = a.books.get(42)
  await settle()
  b.net.deaf = true
  const waiting = b.books.read(42)
  await settle()
  release()
  await loading
  await pass(250, 10)
  t.match(await waiting, { from: 'l2' })
  t.equal(state.loads, 1)
})

await test('K3 G7 a loader that died delays others by the fill lease, and no more', async (t) => {
  const { a, b, state, pass, release } = await fleet({ size: 2, cache: { fillLease: '1s' } })
  state.held = true
  const dead = a.books.get(42)
  dead.catch(() => {})
  await settle()
  a.net.away = true
  state.held = false
  const waiting = b.books.read(42)
  await pass(900, 50)
  t.equal(state.loads, 1, 'the lease still stands')
  await pass(400, 50)
  t.match(await waiting, { from: 'source', value: { title: 'first' }, stored: true })
  t.equal(state.loads, 2)
  release()
})

await test('K3 a long load keeps its lease', async (t) => {
  const { a, b, state, pass, release } = await fleet({
    size: 2,
    cache: { fillLease: '1s' },
    define: { hardTimeout: '20s' },
  })
  state.held = true
  const loading = a.books.get(42)
  await settle()
  const waiting = b.books.read(42)
  await pass(8000)
  t.equal(state.loads, 1)
  release()
  await loading
  await pass(250)
  t.match(await waiting, { from: 'l2' })
  t.equal(state.loads, 1)
})

await test('K3 a load that fails gives its lease back at once, and fails nobody else', async (t) => {
  const { a, b, state } = await fleet({ size: 2 })
  state.fails = true
  await t.rejects(a.books.get(42), { message: 'the source is away' })
  await settle()
  state.fails = false
  t.match(await b.books.read(42), { from: 'source', stored: true })
  t.match(a.cache.stats(), { loads: 1, loadErrors: 1, misses: 1 })
})

await test('K3 a load is given up after its hardTimeout, and its signal says so', async (t) => {
  const signals: AbortSignal[] = []
  const { a, b, pass, state } = await fleet({
    size: 2,
    define: {
      hardTimeout: '2s',
      load: (_, { signal }) => new Promise<Book>(() => void signals.push(signal)),
    },
  })
  const read = a.books.get(42)
  const failed = t.rejects(read, {
    name: 'LoadTimeoutError',
    code: 'LOCKSTEP_LOAD_TIMEOUT',
    message: /books:v1:42.*2000 ms/,
  })
  await settle()
  t.equal(signals[0]?.aborted, false)
  await pass(2000)
  await failed
  t.ok(signals[0]?.reason instanceof LoadTimeoutError)
  const other = b.books.get(42)
  other.catch(() => {})
  await settle()
  t.equal(signals.length, 2, 'the lease is free again')
  t.equal(state.loads, 0)
  await pass(2000)
})

await test('who waits for the load of another replica longer than the hardTimeout loads by itself, and keeps nothing', async (t) => {
  const { a, b, state, pass, load, release } = await fleet({ size: 2, define: { hardTimeout: '1h' } })
  const hasty = b.cache.define<number, Book>({
    name: 'films',
    version: 1,
    key: (id) => id,
    load,
    ttl: '1m',
    hardTimeout: '1s',
  })
  const patient = a.cache.define<number, Book>({
    name: 'films',
    version: 1,
    key: (id) => id,
    load,
    ttl: '1m',
    hardTimeout: '1h',
  })
  state.held = true
  const held = patient.get(42)
  await settle()
  state.held = false
  const waiting = hasty.read(42)
  await pass(1500)
  t.match(await waiting, { from: 'source', stored: false, degraded: 'waited' })
  release()
  await held
})

await test('a reader whose wait is overtaken three times loads by himself, and keeps nothing', async (t) => {
  const { a, server, state } = await fleet()
  const name = a.books.key(42)
  const another = () => server.shard.lease([{ name, token: 'of another one' }], 60_000)
  another()
  const reading = a.books.read(42)
  for (let times = 0; times < 3; times++) {
    await settle()
    t.equal(state.loads, 0)
    server.shard.invalidate({ keys: [name], tags: [], prefixes: [], caches: [] }, { origin: 'another' })
    another()
  }
  await settle()
  t.equal(state.loads, 1, 'and no time has passed')
  t.match(await reading, { from: 'source', stored: false, degraded: 'waited' })
})

await test('K13 absence is known to the whole fleet, behind the same fences', async (t) => {
  const { a, b, source, state, release } = await fleet({ size: 2 })
  t.equal(await a.books.get(7), undefined)
  await settle()
  t.match(await b.books.read(7), { value: undefined, from: 'l2', stored: true })
  t.equal(state.loads, 1)
  await b.books.invalidate(7)
  state.held = true
  const overtaken = a.books.read(7)
  await settle()
  source.set(7, { title: 'new' })
  await b.books.invalidate(7)
  release()
  t.match(await overtaken, { value: undefined, stored: false })
  t.match(await b.books.get(7), { title: 'new' })
})

await test('loadMany loads what is missed in one turn in one call', async (t) => {
  const calls: (readonly number[])[] = []
  const { a, state } = await fleet({
    define: {
      async loadMany(ids) {
        calls.push(ids)
        return ids.map((id) => (id === 3 ? undefined : { title: `book ${id}` }))
      },
    },
  })
  const values = await Promise.all([a.books.getMany([1, 2, 3]), a.books.get(4), a.books.get(1)])
  t.same(
    calls.map((ids) => ids.toSorted((a, b) => a - b)),
    [[1, 2, 3, 4]],
  )
  t.same(values, [
    [{ title: 'book 1' }, { title: 'book 2' }, undefined],
    { title: 'book 4' },
    { title: 'book 1' },
  ])
  t.equal(state.loads, 0)
  t.equal(await a.books.get(3), undefined)
  t.equal(calls.length, 1, 'absence is kept, too')
})

await test('a loadMany that fails, or forgets one, fails those who asked, and gives the leases back', async (t) => {
  let answer: Book[] | Error = [{ title: 'one' }]
  const { a } = await fleet({
    define: {
      async loadMany() {
        if (answer instanceof Error) throw answer
        return answer
      },
    },
  })
  await t.rejects(a.books.getMany([1, 2]), { message: 'loadMany gave 1 values for 2 keys' })
  await settle()
  answer = new Error('the source is away')
  await t.rejects(a.books.getMany([1, 2]), answer)
  await settle()
  answer = [{ title: 'one' }, { title: 'two' }]
  t.same(await a.books.getMany([1, 2]), answer)
})
