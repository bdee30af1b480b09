import { join } from 'node:path'
import { test } from 'tap'
import { type ReadRecord, Recorder, readRecords, type WriteRecord } from '../src/records.ts'

await test('what is recorded is read back, however much it is', async (t) => {
  const path = join(t.testdir(), 'records')
  const recorder = new Recorder(path)
  const reads = Array.from(
    { length: 10_000 },
    (_, n): ReadRecord => ({
      key: n % 64,
      version: n,
      began: n + 0.25,
      ended: n + 0.5,
      from: n % 2 ? 'l2' : 'failed',
    }),
  )
  const write: WriteRecord = { key: 3, version: 9, began: 1, ended: 2, outcome: 'pending' }
  for (const read of reads) recorder.read(read)
  recorder.write(write)
  recorder.flush()
  t.same(readRecords(2, path), { replica: 2, reads, writes: [write] }, 'also before it is closed')
  recorder.close()
  t.equal(readRecords(2, path).reads.length, 10_000)
})
