import { lanes } from '@lockstep/testing'
import { test } from 'tap'
import { type Scenario, scenarios, textbookFails } from '../src/scenarios.ts'
import { sharesOf, tortureTable } from '../src/table.ts'
import { type Report, torture } from '../src/torture.ts'

const SECONDS = 4
const seed = Date.now() % 1_000_000

await test(`four processes and one Redis in bad weather, seed ${seed}`, async (t) => {
  const reports: Report[] = []
  const [calm, ...others] = scenarios
  const run = (scenario: Scenario) => torture(scenario, SECONDS, seed)
  // What is measured when all is calm is measured alone.
  const alone = calm ? lanes(1, [calm], run) : []
  await Promise.allSettled(alone.map(({ result }) => result))
  for (const { input: scenario, result } of [...alone, ...lanes(2, others, run)]) {
    await t.test(scenario.name, async (t) => {
      const report = await result
      reports.push(report)
      t.equal(report.stalePastT, 0, `G1 nothing stale past T; the oldest was ${Math.round(report.oldest)} ms`)
      t.equal(report.staleAtRest, 0, 'nothing stale at rest')
      t.equal(report.failedReads, 0, 'G6 no failed read')
      t.equal(report.ownWritesUnread, 0, 'G3 a process reads what it wrote')
      t.ok(report.reads > 500, `of ${report.reads} reads`)
      t.ok(report.writes > 10, `and ${report.writes} writes`)
      if (scenario === calm)
        t.comment(`propagation of an invalidation, p50 / p99 / max: ${sharesOf(report.propagation)}`)
    })
  }
  for (const line of tortureTable(reports).split('\n')) t.comment(line)
})

await test('a cache without guards is found wanting', async (t) => {
  const report = await torture(textbookFails, SECONDS, seed, 'textbook')
  t.ok(report.staleAtRest > 0, `${report.staleAtRest} pairs stale at rest`)
  t.ok(report.stalePastT > 0, `${report.stalePastT} reads stale past T`)
})
