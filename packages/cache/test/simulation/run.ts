/** `node test/simulation/run.ts --seeds 20000 --from 1 [--seed 17 --trace] [--without fence]` */
import { parseArgs } from 'node:util'
import { ALL_GUARDS } from '../../src/protocol/guards.ts'
import { simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    without: { type: 'string' },
    most: { type: 'string', default: '10' },
  },
})
const guards = values.without === undefined ? ALL_GUARDS : { ...ALL_GUARDS, [values.without]: false }
const from = Number(values.seed ?? values.from)
const count = values.seed === undefined ? Number(values.seeds) : 1
const began = performance.now()
const seen = new Map<string, number>()
const broken = new Map<string, number[]>()
let failed = 0
let events = 0
for (let seed = from; seed < from + count; seed++) {
  const outcome = await simulate(seed, { guards, trace: values.trace })
  events += outcome.events
  for (const what of outcome.counts.keys()) seen.set(what, (seen.get(what) ?? 0) + 1)
  if (values.trace) console.log(`${outcome.trace.join('\n')}\n${JSON.stringify(outcome.plan)}\nhash ${outcome.hash}`)
  if (outcome.violations.length === 0) continue
  failed++
  for (const guarantee of new Set(outcome.violations.map((one) => one.guarantee))) {
    broken.set(guarantee, [...(broken.get(guarantee) ?? []), seed])
  }
  if (failed > Number(values.most)) continue
  for (const { guarantee, time, text } of outcome.violations.slice(0, 3)) {
    console.log(`seed ${seed}: ${guarantee} broken at ${time.toFixed(1)}: ${text}`)
  }
}
const seconds = (performance.now() - began) / 1000
const { user, system } = process.cpuUsage()
const cpu = ((user + system) / 1000 / count).toFixed(1)
console.log(`${count} seeds in ${seconds.toFixed(1)} s: ${(count / seconds).toFixed(0)} a second, ${Math.round(events / count)} events and ${cpu} ms of CPU each`)
for (const [what, seeds] of [...seen].sort()) console.log(`  ${what}: ${((100 * seeds) / count).toFixed(1)} % of seeds`)
for (const [guarantee, seeds] of broken) console.log(`${guarantee}: ${seeds.length} seeds, ${seeds.slice(0, 12).join(' ')}`)
process.exitCode = failed > 0 ? 1 : 0
