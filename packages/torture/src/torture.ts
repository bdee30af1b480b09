import { until } from '@lockstep/testing'
import { now } from './clock.ts'
import type { Fleet } from './fleet.ts'
import type { Load, SubjectName } from './plan.ts'
import { KEYS, type Scenario } from './scenarios.ts'
import { endure, fleetFor } from './storm.ts'
import { MAX_STALENESS } from './subject.ts'
import { judge, type Verdict } from './verdict.ts'

/**
 * How long after T a quiet fleet may still take to reconnect and to repeat what waited for Redis, in milliseconds: long on a
 * machine that is busy. The control is never current, and need not be waited for.
 */
const SETTLING = { lockstep: 20_000, textbook: 3_000 }

const load: Load = {
  keys: KEYS,
  written: KEYS,
  readsEach: 4,
  writers: 1,
  writePause: 40,
  writes: 'both',
  probe: true,
}

export interface Report extends Verdict {
  readonly scenario: string
  /** Of all replicas and keys, the pairs that never became current though all was quiet. */
  readonly staleAtRest: number
  readonly pairs: number
}

/**
 * Runs one scenario on a fleet of its own.
 *
 * @param seconds how long the load lasts
 * @param seed decides what is read and written; the processes interleave as they will
 * @param subject what is tortured: our cache, unless it is to be the control
 */
export async function torture(
  scenario: Scenario,
  seconds: number,
  seed: number,
  subject: SubjectName = 'lockstep',
): Promise<Report> {
  const fleet = await fleetFor(scenario, load, seed, subject)
  try {
    const assumed = await endure(fleet, scenario, seconds)
    const quiet = Math.max(now(), ...assumed.map((replacement) => replacement.at))
    const staleAtRest = await settle(fleet, quiet + MAX_STALENESS + SETTLING[subject])
    await fleet.stop()
    const histories = await fleet.finish()
    const verdict = judge(histories, { maxStaleness: MAX_STALENESS, probe: KEYS, assumed })
    return { scenario: scenario.name, staleAtRest, pairs: fleet.replicas.length * KEYS, ...verdict }
  } finally {
    await fleet.close()
  }
}

/** Waits until every replica shows what the database holds, and gives how many pairs never did. */
async function settle(fleet: Fleet, end: number): Promise<number> {
  try {
    await until('nothing is stale', async () => (await fleet.stalePairs()) === 0, end - now())
  } catch {
    // It never was: counted below.
  }
  return fleet.stalePairs()
}
