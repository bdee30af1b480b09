import { parseArgs } from 'node:util'
import { strict } from './linearizability/strict.ts'
import { control, scenarios, strictScenarios } from './scenarios.ts'
import { passes, passesStrictly, strictTable, tortureTable } from './table.ts'
import { torture } from './torture.ts'

/**
 * `node src/main.ts [--strict | --textbook] [--scenario part-of-a-name] [--seconds 10] [--seed n]`: prints the table, and
 * ends with 1 when a guarantee is broken. `--strict` checks writes that wait for the fleet for linearizability, and then the
 * control; `--textbook` tortures a cache without guards.
 */
const { values } = parseArgs({
  options: {
    strict: { type: 'boolean', default: false },
    textbook: { type: 'boolean', default: false },
    scenario: { type: 'string', default: '' },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const seconds = Number(values.seconds)
const seed = Number(values.seed)

/** Runs what is asked for, one after another, for they would disturb one another; tells each result as it comes. */
async function each<S extends { name: string }, R>(
  all: readonly S[],
  run: (scenario: S) => Promise<R>,
  holds: (report: R) => boolean,
): Promise<R[]> {
  const chosen = all.filter(({ name }) => name.includes(values.scenario))
  const names = all.map(({ name }) => `  ${name}\n`).join('')
  if (chosen.length === 0) process.stderr.write(`No scenario is named so; there are:\n${names}`)
  const reports: R[] = []
  for (const scenario of chosen) {
    const report = await run(scenario)
    reports.push(report)
    process.stderr.write(`${holds(report) ? '✓' : '✗'} ${scenario.name}\n`)
  }
  process.exitCode = reports.length > 0 && reports.every(holds) ? 0 : 1
  return reports
}

process.stdout.write(`${seconds} s each, seed ${seed}\n`)
if (values.strict) {
  const reports = await each(
    strictScenarios,
    (scenario) => strict(scenario, seconds, seed, true),
    passesStrictly,
  )
  process.stdout.write(`${strictTable(reports)}\n`)
  const without = await strict(control, seconds, seed, false)
  process.stdout.write(`\nThe control, whose writes do not wait:\n${strictTable([without])}\n`)
} else {
  const subject = values.textbook ? 'textbook' : 'lockstep'
  const reports = await each(scenarios, (scenario) => torture(scenario, seconds, seed, subject), passes)
  process.stdout.write(`${tortureTable(reports)}\n`)
}
