import { test } from 'tap'
import type { Commit } from '../src/database.ts'
import { checkRegister } from '../src/linearizability/check.ts'
import { stretches } from '../src/linearizability/stretches.ts'
import type { ReadRecord, WriteOutcome, WriteRecord } from '../src/records.ts'

const commit = (version: number, at: number): Commit => ({ key: 1, version, at })
const write = (version: number, outcome: WriteOutcome): WriteRecord => ({
  key: 1,
  version,
  began: 0,
  ended: 0,
  outcome,
})
const read = (version: number, began: number, ended: number): ReadRecord => ({
  key: 1,
  version,
  began,
  ended,
  from: 'l1',
})

const holds = (commits: Commit[], writes: WriteRecord[], reads: ReadRecord[]) =>
  stretches(commits, writes, reads).every(
    ({ operations, initial }) => checkRegister(operations, initial).linearizable,
  )

await test('G5 a read that begins after the commit of a strict write sees it', async (t) => {
  const strict = [write(1, 'applied')]
  t.equal(holds([commit(1, 10)], strict, [read(1, 11, 12)]), true)
  t.equal(holds([commit(1, 10)], strict, [read(0, 11, 12)]), false)
  t.equal(holds([commit(1, 10)], strict, [read(0, 9, 12)]), true, 'begun before')
})

await test('after a write that could not promise, nothing is checked until the next that could', async (t) => {
  const commits = [commit(1, 10), commit(2, 20), commit(3, 30)]
  for (const outcome of ['pending', 'failed'] as const) {
    const writes = [write(1, 'applied'), write(2, outcome), write(3, 'applied')]
    t.equal(holds(commits, writes, [read(1, 21, 22)]), true, 'the old value after it')
    t.equal(holds(commits, writes, [read(0, 11, 12)]), false, 'before it all holds')
    t.equal(holds(commits, writes, [read(2, 31, 32)]), false, 'after the next it holds again')
    t.equal(holds(commits, writes, [read(3, 31, 32)]), true)
  }
})

await test('a commit that no write reports is of a writer that died', async (t) => {
  t.equal(holds([commit(1, 10)], [], [read(0, 11, 12)]), true)
})

await test('a stretch has the reads that lie within it', async (t) => {
  const commits = [commit(1, 10), commit(2, 20)]
  const reads = [read(0, 1, 2), read(1, 11, 12), read(1, 19, 21), read(1, 22, 23)]
  const [first, ...others] = stretches(commits, [write(1, 'applied'), write(2, 'pending')], reads)
  t.equal(first?.operations.length, 3, 'the write and the two reads that ended before the second commit')
  t.same(others, [])
})

await test('keys are apart, and a read that failed is none', async (t) => {
  const other = { ...read(0, 11, 12), key: 2 }
  const failed: ReadRecord = { ...read(-1, 11, 12), from: 'failed' }
  t.equal(holds([commit(1, 10)], [write(1, 'applied')], [other, failed]), true)
})
