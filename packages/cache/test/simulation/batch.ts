import { Worker } from 'node:worker_threads'
import { ALL_GUARDS, type Guards } from '../../src/protocol/guards.ts'
import type { Violation } from './checker.ts'
import type { Profile } from './plan.ts'
import { simulate } from './simulate.ts'

/** What to run. */
export interface Batch {
  readonly seeds: readonly number[]
  /** The guards that are off. */
  readonly without: readonly string[]
  readonly profile?: Profile | undefined
  /** Broken seeds after which the run is given up. */
  readonly enough: number
}

/** What came of many seeds. */
export interface Report {
  readonly seeds: number
  readonly events: number
  readonly broken: readonly { readonly seed: number; readonly violations: readonly Violation[] }[]
  /** In how many seeds each thing was met. */
  readonly met: ReadonlyMap<string, number>
}

export const guardsWithout = (names: readonly string[]): Guards => ({
  ...ALL_GUARDS,
  ...Object.fromEntries(names.map((name) => [name, false])),
})

/** So many seeds in a row. */
export const seedsFrom = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, at) => from + at)

export async function runBatch({ seeds, without, enough, profile = 'any' }: Batch): Promise<Report> {
  const guards = guardsWithout(without)
  const met = new Map<string, number>()
  const broken: { seed: number; violations: readonly Violation[] }[] = []
  let run = 0
  let events = 0
  for (const seed of seeds) {
    if (broken.length >= enough) break
    run++
    const outcome = await simulate(seed, { guards, profile })
    events += outcome.events
    for (const what of outcome.counts.keys()) met.set(what, (met.get(what) ?? 0) + 1)
    if (outcome.violations.length > 0) broken.push({ seed, violations: outcome.violations })
  }
  return { seeds: run, events, broken, met }
}

/**
 * The same on several cores. Workers, also because a test runner that watches every promise makes promises slow, and here
 * there is little else.
 */
export async function runInWorkers(batch: Batch, workers: number): Promise<Report> {
  const parts = Array.from(
    { length: workers },
    (_, at): Batch => ({
      ...batch,
      seeds: batch.seeds.filter((_, index) => index % workers === at),
    }),
  )
  const reports = await Promise.all(parts.map(inWorker))
  const met = new Map<string, number>()
  for (const report of reports)
    for (const [what, seeds] of report.met) met.set(what, (met.get(what) ?? 0) + seeds)
  return {
    seeds: reports.reduce((sum, { seeds }) => sum + seeds, 0),
    events: reports.reduce((sum, { events }) => sum + events, 0),
    broken: reports.flatMap(({ broken }) => broken).toSorted((one, other) => one.seed - other.seed),
    met,
  }
}

function inWorker(batch: Batch): Promise<Report> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: batch,
      execArgv: [],
      env: {},
    })
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)))
  })
}

/** By name. */
export const sorted = (met: ReadonlyMap<string, number>): [string, number][] =>
  [...met].toSorted(([one], [other]) => one.localeCompare(other))

/** One line for each broken seed, and how to see its history. */
export const describeBroken = ({ broken }: Report): string[] =>
  broken.map(({ seed, violations }) => {
    const said = violations
      .slice(0, 3)
      .map(({ guarantee, time, text }) => `${guarantee} at ${time.toFixed(1)}: ${text}`)
    return `seed ${seed} breaks ${said.join('; ')} (node test/simulation/run.ts --seed ${seed} --trace)`
  })
