import { ManualClock } from '@lockstep/testing'
import { test } from 'tap'
import { ALL_GUARDS } from '../src/protocol/guards.ts'
import type { ShardView } from '../src/protocol/shard-view.ts'
import { Waiters } from '../src/read/waiters.ts'
import { type L1Entry, Region } from '../src/tiers/region.ts'
import { Regions } from '../src/tiers/regions.ts'
import { fleet, settle } from './fleet.ts'
import { viewOf } from './view.ts'

function regionOf(maxEntries = 10) {
  const region = new Region<string>('books:v1', { maxEntries }, ALL_GUARDS)
  const { view } = viewOf()
  const put = (id: string | number, tags: readonly string[] = [], of: ShardView = view) => {
    const header = {
      codec: 1,
      negative: false,
      identity: 'x',
      incarnation: 1,
      seq: 1,
      created: 0,
      loadMs: 0,
      freshUntil: 0,
      staleUntil: 0,
      errorUntil: 0,
      sliding: 0,
      version: undefined,
      tags,
    }
    const entry: L1Entry<string> = {
      value: 'x',
      promise: Promise.resolve('x'),
      view: of,
      until: 0,
      visited: false,
      bytes: 1,
      name: `books:v1:${id}`,
      header,
    }
    region.put(id, entry)
  }
  const left = () => [...region.entries.entries()].map(([id]) => id)
  return { region, put, left }
}

await test('a region evicts by id, as text or number; by tag; by prefix; by shard; and all', async (t) => {
  const { region, put, left } = regionOf()
  put(42)
  put('042')
  put('a', ['red', 'blue'])
  put('ab', ['blue'])
  region.evict('42')
  t.same(left(), ['042', 'a', 'ab'])
  region.evictTag('red')
  t.same(left(), ['042', 'ab'])
  put('a')
  region.evictTag('red')
  t.same(left(), ['042', 'ab', 'a'], 'an entry that lost its tag')
  region.evictPrefix('books:v1:a')
  t.same(left(), ['042'])
  const { view } = viewOf()
  put('other shard', [], view)
  region.evictShard(view)
  t.same(left(), ['042'])
  region.evictAll()
  t.same(left(), [])
})

await test('an id is a number when it is written as one, and the same entry as that text', async (t) => {
  for (const id of [0, 7, -1, 1.5, 123_456_789, 1_234_567_890, 1e21, Number.MAX_SAFE_INTEGER]) {
    const { region, put, left } = regionOf()
    put(id)
    region.evict(`${id}`)
    t.same(left(), [], `${id}`)
  }
  const texts = ['007', '00', '', '-0', '1.0', '0x1', ' 1', '1e3', '+1', '1234567890123456789']
  for (const id of texts) {
    const { region, put, left } = regionOf()
    put(Number(id))
    put(id)
    region.evict(id)
    t.same(left(), [Number(id)], JSON.stringify(id))
  }
})

await test('an eviction finds its region whichever was found before', async (t) => {
  const waiters = new Waiters(new ManualClock())
  const regions = new Regions(waiters)
  const evicted: string[] = []
  const caches = ['books:v1', 'films:v1', 'books:v12', 'b:v1']
  for (const cache of caches) {
    const evict = (id: string) => void evicted.push(`${cache} ${id}`)
    regions.add({ cache, evict, evictTag: evict, evictPrefix: evict, evictAll() {}, evictShard() {} })
  }
  const evict = (...keys: string[]) => {
    regions.evict({ keys, tags: [], prefixes: [], caches: [] })
    return evicted.splice(0)
  }
  for (const one of caches) {
    for (const other of caches) {
      t.same(evict(`${one}:1:2`, `${other}:3`, `${other}:`), [`${one} 1:2`, `${other} 3`, `${other} `])
    }
    t.same(evict('books', 'books:v1', 'books:v2:1', 'other:v1:1', ':', '', '::1'), [])
  }
})

await test('a tag finds what it tags after others were dropped for room', async (t) => {
  const { region, put, left } = regionOf(2)
  for (const id of [1, 2, 3]) put(id, ['all'])
  t.same(left(), [2, 3])
  region.evictTag('all')
  t.same(left(), [])
})

await test('L1 is bounded by the definition, or by the cache object', async (t) => {
  const { a, source } = await fleet({ define: { maxEntries: 2 } })
  for (const id of [1, 2, 3]) source.set(id, { title: `book ${id}` })
  await a.books.getMany([1, 2, 3])
  t.match(a.cache.stats().caches['books:v1'], { entries: 2 })
  for (const read of [
    () => a.books.get(2),
    () => a.books.read(2),
    () => a.books.getMany([2]),
    async () => a.books.peek(2),
  ]) {
    await a.books.clear()
    await a.books.get(2)
    await a.books.get(1)
    await read()
    await a.books.get(3)
    t.ok(a.books.peek(2), 'what was read is spared')
    t.equal(a.books.peek(1), undefined)
  }
  const small = await fleet({ cache: { l1: { maxEntries: 10, maxBytes: 300 } } })
  for (const id of [1, 2, 3, 4, 5]) small.source.set(id, { title: `book ${id}` })
  await small.a.books.getMany([1, 2, 3, 4, 5])
  const { entries, bytes } = small.a.cache.stats().caches['books:v1'] ?? { entries: 0, bytes: 0 }
  t.ok(entries > 0 && entries < 5 && bytes <= 300, `${entries} entries of ${bytes} bytes`)
})

await test('G1 L1 is served only under its lease; a lease that comes back finds it as it was', async (t) => {
  const { a, source, pass, state } = await fleet()
  await a.books.get(42)
  await pass(500)
  a.net.away = true
  await pass(1500)
  source.set(42, { title: 'second' })
  await pass(500)
  t.equal(a.books.peek(42), undefined)
  t.match(await a.books.read(42), { from: 'source', degraded: 'l2-away' })
  a.net.restore()
  await pass(250)
  t.match(await a.books.read(42), { from: 'l1', value: { title: 'first' } }, 'nobody invalidated it')
  t.equal(state.loads, 2)
  const careless = await fleet({ guards: { l1Lease: false } })
  await careless.a.books.get(42)
  careless.a.net.away = true
  await careless.pass(10_000)
  t.match(careless.a.books.peek(42), { title: 'first' }, 'without the guard it is served on')
})

await test('a value that L1 has no room for is not said to lie there', async (t) => {
  const { a, source, state } = await fleet({ define: { maxBytes: 150 } })
  source.set(1, { title: 'x'.repeat(200) })
  t.match(await a.books.read(1), { from: 'source', stored: false })
  t.match(await a.books.read(1), { from: 'l2', stored: false })
  t.equal(state.loads, 1)
  t.equal(a.cache.stats().unstorable, 0)
})

await test('the memory server forgets what has expired', async (t) => {
  const { a, source, pass, server } = await fleet({ define: { maxEntries: 10 } })
  const many = Array.from({ length: 1500 }, (_, id) => id)
  for (const id of many) source.set(id, { title: `book ${id}` })
  await a.books.getMany(many)
  await pass(61_000, 1000)
  for (const id of many) await a.books.invalidate(id + 10_000)
  await a.books.getMany(many)
  await settle()
  t.ok(server.shard.state.entries.size < 3000)
  await pass(61_000, 1000)
  await a.books.getMany(many.map((id) => id + 20_000))
  await settle()
  t.ok(server.shard.state.entries.size < 2000, `${server.shard.state.entries.size} entries`)
})
