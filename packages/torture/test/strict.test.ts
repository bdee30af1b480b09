import { lanes } from '@lockstep/testing'
import { test } from 'tap'
import { type StrictReport, strict } from '../src/linearizability/strict.ts'
import { control, type Scenario, strictScenarios } from '../src/scenarios.ts'
import { strictTable } from '../src/table.ts'

const SECONDS = 2.5

const seed = Date.now() % 1_000_000

await test(`G5 writes that wait for the fleet are linearizable, seed ${seed}`, async (t) => {
  const reports: StrictReport[] = []
  const run = (scenario: Scenario) => strict(scenario, SECONDS, seed, true)
  for (const { input: scenario, result } of lanes(2, strictScenarios, run)) {
    await t.test(scenario.name, async (t) => {
      const report = await result
      reports.push(report)
      t.same(report.violations, [], 'every key is a register')
      t.equal(report.failedReads, 0, 'no failed read')
      t.ok(report.checkedReads > 100, `of ${report.checkedReads} reads`)
      // After a restart each write waits for T until the incarnation is older than that.
      t.ok(report.promised >= 1, `and ${report.promised} writes`)
    })
  }
  for (const line of strictTable(reports).split('\n')) t.comment(line)
})

await test('writes that do not wait are not, and the checker says so', async (t) => {
  const report = await strict(control, SECONDS, seed, false)
  t.ok(report.violations.length > 0, `${report.violations.length} stretches of ${report.checkedReads} reads`)
})
