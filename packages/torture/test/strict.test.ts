import { test } from 'tap'
import { type StrictReport, strict } from '../src/linearizability/strict.ts'
import { control, strictScenarios } from '../src/scenarios.ts'
import { strictTable } from '../src/table.ts'

const SECONDS = 2.5

const seed = Date.now() % 1_000_000

await test(`G5 writes that wait for the fleet are linearizable, seed ${seed}`, async (t) => {
  const reports: StrictReport[] = []
  for (const scenario of strictScenarios) {
    await t.test(scenario.name, async (t) => {
      const report = await strict(scenario, SECONDS, seed, true)
      reports.push(report)
      t.same(report.violations, [], 'every key is a register')
      t.equal(report.failedReads, 0, 'no failed read')
      t.ok(report.checkedReads > SECONDS * 200, `of ${report.checkedReads} reads`)
      // After a restart each write waits for T until the incarnation is older than that.
      t.ok(report.promised >= 3, `and ${report.promised} writes`)
    })
  }
  for (const line of strictTable(reports).split('\n')) t.comment(line)
})

await test('writes that do not wait are not, and the checker says so', async (t) => {
  const report = await strict(control, SECONDS, seed, false)
  t.ok(report.violations.length > 0, `${report.violations.length} stretches of ${report.checkedReads} reads`)
})
