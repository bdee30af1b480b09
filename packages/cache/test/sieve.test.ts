import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { Fences } from '../src/tiers/fences.ts'
import { Sieve, type Sieved } from '../src/tiers/sieve.ts'

interface Letter extends Sieved {
  readonly id: string
}
const letter = (id: string, bytes = 1): Letter => ({ id, bytes, visited: false })

/** A sieve of letters: what is read of it, and what is left. */
function letters(limits: { maxEntries: number; maxBytes?: number }) {
  const removed: string[] = []
  const sieve = new Sieve<Letter>(limits)
  sieve.onRemove = (id) => removed.push(String(id))
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

await test('SIEVE keeps nothing alive that has gone, though its hand stands still', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new TypeError('there is no gc')
  const { sieve, put } = letters({ maxEntries: 100 })
  // Many at once, since the engine may keep the one or other for a while.
  const gone = Array.from({ length: 50 }, (_, n) => {
    const entry = letter(`gone${n}`)
    sieve.set(entry.id, entry)
    return new WeakRef(entry)
  })
  // The hand has moved once, and will not again.
  for (let n = 0; n < 60; n++) put(`first${n}`)
  for (let n = 0; n < 2000; n++) {
    put(`k${n}`)
    sieve.delete(`gone${n}`)
    sieve.delete(`first${n}`)
    sieve.delete(`k${n - 30}`)
  }
  await new Promise(setImmediate)
  collect()
  t.ok(gone.filter((ref) => ref.deref()).length < 5, 'what was deleted is gone')
  t.equal(sieve.size, 30)
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
