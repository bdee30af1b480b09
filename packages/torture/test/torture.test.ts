import { test } from 'tap'
import { scenarios, textbookFails } from '../src/scenarios.ts'
import { propagationOf, tortureTable } from '../src/table.ts'
import { type Report, torture } from '../src/torture.ts'
import { percentile } from '../src/verdict.ts'

const SECONDS = 4
/** Four processes share what cores there are: this is for a machine that has other things to do as well. */
const PROPAGATION = 250

const seed = Date.now() % 1_000_000

await test(`four processes and one Redis in bad weather, seed ${seed}`, async (t) => {
  const reports: Report[] = []
  for (const scenario of scenarios) {
    await t.test(scenario.name, async (t) => {
      const report = await torture(scenario, SECONDS, seed)
      reports.push(report)
      t.equal(report.stalePastT, 0, `G1 nothing stale past T; the oldest was ${Math.round(report.oldest)} ms`)
      t.equal(report.staleAtRest, 0, 'nothing stale at rest')
      t.equal(report.failedReads, 0, 'G6 no failed read')
      t.equal(report.ownWritesUnread, 0, 'G3 a process reads what it wrote')
      t.ok(report.reads > SECONDS * 300, `of ${report.reads} reads`)
      t.ok(report.writes > SECONDS * 10, `and ${report.writes} writes`)
      if (scenario.name === 'calm') {
        t.ok((percentile(report.propagation, 0.99) ?? PROPAGATION) < PROPAGATION)
        t.comment(`propagation of an invalidation, p50 / p99 / max: ${propagationOf(report)}`)
      }
    })
  }
  for (const line of tortureTable(reports).split('\n')) t.comment(line)
})

await test('a cache without guards is found wanting', async (t) => {
  const report = await torture(textbookFails, SECONDS, seed, 'textbook')
  t.ok(report.staleAtRest > 0, `${report.staleAtRest} pairs stale at rest`)
  t.ok(report.stalePastT > 0, `${report.stalePastT} reads stale past T`)
})
