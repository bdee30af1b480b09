import { test } from 'tap'
import { ALL_GUARDS } from '../src/protocol/guards.ts'
import type { ShardView } from '../src/protocol/shard-view.ts'
import { Fences } from '../src/tiers/fences.ts'
import { type L1Entry, Region } from '../src/tiers/region.ts'
import { Sieve, type Sieved } from '../src/tiers/sieve.ts'
import { fleet, settle } from './fleet.ts'
import { viewOf } from './view.ts'

interface Letter extends Sieved {
  readonly id: string
}
const letter = (id: string, bytes = 1): Letter => ({ id, bytes, visited: false })

/** A sieve of letters: what is read of it, and what is left. */
function letters(limits: { maxEntries: number; maxBytes?: number }) {
  const removed: string[] = []
  const sieve = new Sieve<Letter>(limits, (id) => removed.push(String(id)))
  return {
    sieve,
    removed,
    put: (...ids: string[]) => {
      for (const id of ids) sieve.set(id, letter(id))
    },
    read: (id: string) => {
      const entry = sieve.get(id)
      if (entry) entry.visited = true
    },
    left: () => [...sieve.entries()].map(([id]) => id).join(''),
  }
}

await test('SIEVE drops the oldest that was not read, and spares for a round what was', async (t) => {
  const { sieve, put, read, left, removed } = letters({ maxEntries: 3 })
  put('a', 'b', 'c')
  read('a')
  put('d')
  t.equal(left(), 'acd', 'b: a was read')
  read('c')
  put('e')
  t.equal(left(), 'ace', 'the hand goes on from where it stood')
  put('f', 'g', 'h')
  t.equal(left(), 'fgh', 'a second round, from the oldest: what was read once is not spared again')
  t.equal(removed.join(''), 'bdace')
  t.equal(sieve.size, 3)
})

await test('SIEVE with everything read goes round and drops the oldest', async (t) => {
  const { put, read, left } = letters({ maxEntries: 3 })
  put('a', 'b', 'c')
  for (const id of 'abc') read(id)
  put('d')
  t.equal(left(), 'bcd')
})

await test('SIEVE is bounded by bytes, too; what is larger than all of it is not kept', async (t) => {
  const { sieve, left } = letters({ maxEntries: 100, maxBytes: 10 })
  for (const id of 'abc') sieve.set(id, letter(id, 4))
  t.equal(left(), 'bc')
  t.equal(sieve.bytes, 8)
  sieve.set('b', letter('b', 6))
  t.equal(left(), 'cb')
  t.equal(sieve.bytes, 10)
  sieve.set('c', letter('c', 11))
  t.equal(left(), 'b', 'and what it replaces is gone')
  t.equal(sieve.delete('x'), false)
  sieve.clear()
  t.same([sieve.size, sieve.bytes], [0, 0])
  sieve.set('z', letter('z'))
  t.equal(left(), 'z')
})

await test('SIEVE holds its limits whatever is done to it', async (t) => {
  const { sieve } = letters({ maxEntries: 20, maxBytes: 60 })
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  for (let i = 0; i < 20_000; i++) {
    const id = `k${random(60)}`
    const what = random(10)
    if (what < 5) sieve.set(id, letter(id, 1 + random(8)))
    else if (what < 8) {
      const entry = sieve.get(id)
      if (entry) entry.visited = true
    } else if (what < 9) sieve.delete(id)
    else if (random(500) === 0) sieve.clear()
    const all = [...sieve.entries()].map(([, { bytes }]) => bytes)
    if (all.length > 20 || all.reduce((a, b) => a + b, 0) !== sieve.bytes || sieve.bytes > 60) {
      t.fail(`after ${i} steps: ${all.length} entries of ${sieve.bytes} bytes`)
      return
    }
  }
  t.pass('20,000 steps')
})

await test('fences: what was evicted since a read began voids it, and nothing else', async (t) => {
  const fences = new Fences()
  const early = fences.open()
  fences.evict(1)
  const late = fences.open()
  t.same([fences.voided(1, early), fences.voided(1, late), fences.voided(2, early)], [true, false, false])
  fences.evictAll()
  t.same(
    [fences.voided(2, early), fences.voided(2, late), fences.voided(2, fences.open())],
    [true, true, false],
  )
})

await test('fences: memory is bounded; past it, everything under way counts as voided', async (t) => {
  const fences = new Fences()
  const began = fences.open()
  for (let id = 0; id < 10_000; id++) fences.evict(id)
  t.equal(fences.voided('other', began), false)
  fences.evict('one more')
  t.equal(fences.voided('other', began), true)
  const again = fences.open()
  t.equal(fences.voided('other', again), false)
  fences.close()
  fences.close()
  fences.evict('nobody reads')
  t.equal(fences.voided('nobody reads', fences.open()), false)
})

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
