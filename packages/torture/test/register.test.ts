import { test } from 'tap'
import { checkRegister, type Operation } from '../src/linearizability/check.ts'
import { Configurations } from '../src/linearizability/configurations.ts'
import { seeded } from '../src/random.ts'

const write = (value: number, began: number, ended: number): Operation => ({
  kind: 'write',
  value,
  began,
  ended,
})
const read = (value: number, began: number, ended: number): Operation => ({
  kind: 'read',
  value,
  began,
  ended,
})

const known: { name: string; operations: Operation[]; linearizable: boolean }[] = [
  { name: 'nothing', operations: [], linearizable: true },
  { name: 'a read of what was there', operations: [read(0, 1, 2)], linearizable: true },
  { name: 'a read of what nobody wrote', operations: [read(7, 1, 2)], linearizable: false },
  { name: 'a write, then its read', operations: [write(1, 1, 2), read(1, 3, 4)], linearizable: true },
  {
    name: 'a write, then a read of the old',
    operations: [write(1, 1, 2), read(0, 3, 4)],
    linearizable: false,
  },
  {
    name: 'a read that overlaps a write, of the old',
    operations: [write(1, 1, 4), read(0, 2, 3)],
    linearizable: true,
  },
  {
    name: 'a read that overlaps a write, of the new',
    operations: [write(1, 1, 4), read(1, 2, 3)],
    linearizable: true,
  },
  { name: 'a read before its write', operations: [read(1, 1, 2), write(1, 3, 4)], linearizable: false },
  {
    name: 'the new, then the old, within one write',
    operations: [write(1, 1, 10), read(1, 2, 3), read(0, 4, 5)],
    linearizable: false,
  },
  {
    name: 'two writes at once, in the order that the reads want',
    operations: [write(1, 1, 10), write(2, 1, 10), read(2, 2, 3), read(1, 4, 5)],
    linearizable: true,
  },
  {
    name: 'two writes at once, in both orders',
    operations: [write(1, 1, 4), write(2, 1, 4), read(2, 5, 6), read(1, 7, 8)],
    linearizable: false,
  },
  {
    name: 'a write without an end, seen late',
    operations: [write(1, 1, Number.POSITIVE_INFINITY), read(0, 5, 6), read(1, 7, 8)],
    linearizable: true,
  },
  {
    name: 'what touches in time is concurrent',
    operations: [write(1, 1, 2), read(0, 2, 3)],
    linearizable: true,
  },
]

await test('histories whose answer is known', async (t) => {
  for (const { name, operations, linearizable } of known) {
    t.equal(checkRegister(operations, 0).linearizable, linearizable, name)
  }
})

await test('the operation that could not take effect is named', async (t) => {
  const stale = read(1, 5, 6)
  t.same(checkRegister([write(1, 1, 2), write(2, 3, 4), stale], 0), { linearizable: false, stuck: stale })
})

/** All orders that respect time, tried one by one. */
function byBruteForce(left: readonly Operation[], value: number): boolean {
  if (left.length === 0) return true
  return left.some((operation) => {
    if (left.some(({ ended }) => ended < operation.began)) return false
    if (operation.kind === 'read' && operation.value !== value) return false
    return byBruteForce(
      left.filter((other) => other !== operation),
      operation.value,
    )
  })
}

await test('the same answers as brute force, on small random histories', async (t) => {
  const random = seeded(20_261_122)
  const below = (limit: number) => Math.floor(random() * limit)
  const counts = { yes: 0, no: 0 }
  for (let round = 0; round < 20_000; round++) {
    const operations = Array.from({ length: 1 + below(7) }, () => {
      const began = below(12)
      const ended = began + below(6)
      // Few values, so that several writes write the same and reads have a chance.
      return random() < 0.5 ? write(below(3), began, ended) : read(below(3), began, ended)
    })
    const expected = byBruteForce(operations, 0)
    counts[expected ? 'yes' : 'no']++
    if (checkRegister(operations, 0).linearizable !== expected) {
      t.fail(`round ${round}: ${JSON.stringify(operations)} is ${expected ? '' : 'not '}linearizable`)
      return
    }
  }
  t.ok(counts.yes > 3_000 && counts.no > 3_000, `${counts.yes} were and ${counts.no} were not`)
})

await test('long histories take no time', async (t) => {
  const random = seeded(1)
  const operations: Operation[] = []
  for (let value = 0; value < 500; value++) {
    operations.push(write(value, value * 10, value * 10))
    // Reads of what is there now, some of them long enough to overlap several writes.
    for (let n = 0; n < 8; n++) {
      const ended = value * 10 + random() * 9.5
      operations.push(read(value, ended - (random() < 0.1 ? 80 : 5), ended))
    }
  }
  const began = performance.now()
  t.equal(checkRegister(operations, 0).linearizable, true)
  t.equal(checkRegister([...operations, read(100, 4_000, 4_001)], 0).linearizable, false)
  t.ok(performance.now() - began < 10_000)
})

await test('many writes at once take no time either, for no configuration is entered twice', async (t) => {
  const writes = Array.from({ length: 12 }, (_, value) => write(value, 0, 100))
  t.equal(
    checkRegister([...writes, read(99, 1, 2)], 0).linearizable,
    false,
    'of 479,001,600 orders none will do',
  )
})

await test('configurations whose hashes are the same are told apart', async (t) => {
  const configurations = new Configurations(3, () => 0)
  t.equal(configurations.enter(0, 5), true)
  configurations.leave(0)
  t.equal(configurations.enter(0, 5), false, 'it was here')
  t.equal(configurations.enter(1, 5), true, 'another operation')
  configurations.leave(1)
  t.equal(configurations.enter(1, 5 + 2 ** 32), true, 'another value')
})
