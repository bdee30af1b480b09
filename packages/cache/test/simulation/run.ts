/** `node test/simulation/run.ts --seeds 20000 --from 1 [--workers 2] [--seed 17 --trace] [--profile forks] [--without fence,replay]` */
import { parseArgs } from 'node:util'
import { describeBroken, guardsWithout, runInWorkers, seedsFrom, sorted } from './batch.ts'
import type { Profile } from './plan.ts'
import { simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    without: { type: 'string' },
    profile: { type: 'string', default: 'any' },
    enough: { type: 'string', default: 'Infinity' },
    most: { type: 'string', default: '10' },
  },
})
const print = (line: string) => void process.stdout.write(`${line}\n`)
const profile = profileOf(values.profile)
const without = values.without === undefined ? [] : values.without.split(',')

if (values.seed === undefined) await many()
else await one(Number(values.seed))

async function one(seed: number): Promise<void> {
  const outcome = await simulate(seed, { guards: guardsWithout(without), trace: values.trace, profile })
  if (values.trace) print(`${JSON.stringify(outcome.plan, undefined, 2)}\n${outcome.trace.join('\n')}`)
  for (const { guarantee, time, text } of outcome.violations)
    print(`seed ${seed}: ${guarantee} at ${time.toFixed(1)}: ${text}`)
  print(`${outcome.events} events, hash ${outcome.hash}: ${outcome.violations.length} violations`)
  process.exitCode = outcome.violations.length > 0 ? 1 : 0
}

function profileOf(name: string): Profile {
  if (name === 'any' || name === 'orphans' || name === 'forks' || name === 'outlasted') return name
  throw new RangeError(`--profile is any, orphans, forks or outlasted, not ${name}`)
}

async function many(): Promise<void> {
  const began = performance.now()
  const batch = {
    profile,
    seeds: seedsFrom(Number(values.from), Number(values.seeds)),
    without,
    enough: Number(values.enough),
  }
  const report = await runInWorkers(batch, Number(values.workers))
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage()
  const each = ((user + system) / 1000 / report.seeds).toFixed(1)
  const events = Math.round(report.events / report.seeds)
  for (const line of describeBroken(report).slice(0, Number(values.most))) print(line)
  for (const [what, seeds] of sorted(report.met))
    print(`  ${what}: ${((100 * seeds) / report.seeds).toFixed(1)} % of seeds`)
  print(`${report.seeds} seeds in ${seconds.toFixed(1)} s: ${(report.seeds / seconds).toFixed(0)} a second`)
  print(`${events} events and ${each} ms of CPU each; ${report.broken.length} seeds break something`)
  const guarantees = new Map<string, number[]>()
  for (const { seed, violations } of report.broken) {
    for (const guarantee of new Set(violations.map((violation) => violation.guarantee))) {
      guarantees.set(guarantee, [...(guarantees.get(guarantee) ?? []), seed])
    }
  }
  for (const [guarantee, seeds] of guarantees)
    print(`${guarantee}: ${seeds.length} seeds, ${seeds.slice(0, 12).join(' ')}`)
  process.exitCode = report.broken.length > 0 ? 1 : 0
}
