import { test } from 'tap'
import type { ProcessHistory, ReadRecord, WriteRecord } from '../src/records.ts'
import { judge, percentile, replacedAt } from '../src/verdict.ts'

const terms = { maxStaleness: 2_000, probe: 64, assumed: [] }

const read = (key: number, version: number, began: number, more: Partial<ReadRecord> = {}): ReadRecord => ({
  key,
  version,
  began,
  ended: began + 1,
  from: 'l1',
  ...more,
})
const write = (
  key: number,
  version: number,
  ended: number,
  more: Partial<WriteRecord> = {},
): WriteRecord => ({
  key,
  version,
  began: ended - 1,
  ended,
  outcome: 'applied',
  ...more,
})
const process = (reads: ReadRecord[], writes: WriteRecord[] = []): ProcessHistory => ({
  replica: 0,
  reads,
  writes,
})

await test('G1 a read is stale past T when what it gave was replaced longer ago', async (t) => {
  const writer = process([], [write(1, 1, 1_000), write(1, 2, 5_000)])
  const verdict = (...reads: ReadRecord[]) => judge([writer, process(reads)], terms)
  t.equal(verdict(read(1, 0, 2_999)).stalePastT, 0, 'the old value within T')
  t.equal(verdict(read(1, 0, 3_100)).stalePastT, 1, 'the old value past T')
  t.equal(verdict(read(1, 1, 6_900)).stalePastT, 0, 'T counts from the first that replaced it')
  t.equal(verdict(read(1, 1, 7_100)).stalePastT, 1)
  t.equal(verdict(read(1, 0, 3_100), read(1, 0, 4_000)).oldest, 3_000, 'the longest counts')
  t.equal(verdict(read(1, 3, 9_000)).stalePastT, 0, 'newer than all that was applied')
  t.equal(verdict(read(2, 0, 9_000)).stalePastT, 0, 'another key')
})

await test('a newer version replaces an older one also when it was applied first', async (t) => {
  const replaced = replacedAt([
    { key: 1, version: 2, at: 10 },
    { key: 1, version: 1, at: 20 },
  ])
  t.equal(replaced(1, 0), 10)
  t.equal(replaced(1, 1), 10)
  t.equal(replaced(1, 2), Number.POSITIVE_INFINITY)
})

await test('only what was applied counts as replaced', async (t) => {
  for (const outcome of ['pending', 'failed'] as const) {
    const histories = [process([], [write(1, 1, 1_000, { outcome })]), process([read(1, 0, 9_000)])]
    t.equal(judge(histories, terms).stalePastT, 0, outcome)
  }
})

await test('G4 what a dead writer left counts from the end of its intent', async (t) => {
  const assumed = [{ key: 1, version: 1, at: 1_000 }]
  t.equal(judge([process([read(1, 0, 3_100)])], { ...terms, assumed }).stalePastT, 1)
})

await test('G3 a process must read what it wrote, also while the fleet does not know of it', async (t) => {
  const reads = [read(1, 0, 1_001)]
  for (const outcome of ['applied', 'pending'] as const) {
    const writes = [write(1, 1, 1_000, { outcome })]
    t.equal(judge([process(reads, writes)], terms).ownWritesUnread, 1, `${outcome}, of the same process`)
    t.equal(judge([process(reads), process([], writes)], terms).ownWritesUnread, 0, 'of another')
  }
  const failed = [write(1, 1, 1_000, { outcome: 'failed' })]
  t.equal(judge([process(reads, failed)], terms).ownWritesUnread, 0, 'a refused write promised nothing')
  t.equal(
    judge([process([read(1, 0, 999, { ended: 1_009 })], [write(1, 1, 1_000)])], terms).ownWritesUnread,
    0,
    'begun before',
  )
})

await test('K6 a failed read counts as that and as nothing else', async (t) => {
  const failed = read(1, -1, 9_000, { from: 'failed' })
  const verdict = judge([process([failed], [write(1, 1, 1_000)])], terms)
  t.match(verdict, { failedReads: 1, reads: 1, stalePastT: 0, ownWritesUnread: 0 })
})

await test('propagation is over when no read that begins gets an older value; renewal, when the new one was read', async (t) => {
  const writer = process([read(64, 1, 1_000)], [write(64, 1, 1_001), write(64, 2, 2_001)])
  const quick = process([read(64, 0, 1_001), read(64, 1, 1_004), read(64, 2, 2_006)])
  const slow = process([read(64, 2, 2_019)])
  const { propagation, renewal } = judge([writer, quick, slow], terms)
  t.same(propagation, [4, 6, 19, 1_019])
  t.same(renewal, [5, 7, 20, 1_020], 'a process that reads the next version has seen the one before')
  const wavering = process([read(64, 1, 1_002), read(64, 2, 2_003), read(64, 1, 2_010), read(64, 2, 2_013)])
  t.same(judge([writer, wavering], terms).propagation, [2, 13], 'the last that got the old one counts')
})

await test('percentiles', async (t) => {
  const sorted = Array.from({ length: 100 }, (_, n) => n)
  t.equal(percentile(sorted, 0.5), 50)
  t.equal(percentile(sorted, 0.99), 99)
  t.equal(percentile(sorted, 1), 99)
  t.equal(percentile([], 0.5), undefined)
})
