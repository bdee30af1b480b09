import { now, pause } from './clock.ts'
import { Fleet } from './fleet.ts'
import type { Load, SubjectName } from './plan.ts'
import type { Scenario } from './scenarios.ts'
import type { Replacement } from './verdict.ts'

/** Opens the fleet that a scenario wants. */
export const fleetFor = (
  scenario: Scenario,
  load: Load,
  seed: number,
  subject: SubjectName = 'lockstep',
): Promise<Fleet> =>
  Fleet.open({
    subject,
    seed,
    load: { ...load, written: scenario.written ?? load.keys },
    loadTime: scenario.loadTime ?? { from: 0, to: 2 },
    commandTimeout: scenario.commandTimeout ?? 100,
  })

/**
 * Puts a fleet under load for so many seconds, with the fault of a scenario in the midst. Then the writers end; the readers
 * go on.
 */
export async function endure(
  fleet: Fleet,
  scenario: Scenario,
  seconds: number,
): Promise<readonly Replacement[]> {
  const warmUp = scenario.warmUp ?? 0
  const begun = now() + warmUp
  const length = seconds * 1000
  const at = (share: number) => pause(begun + share * length - now())
  await fleet.run(warmUp)
  const assumed = await scenario.fault?.({ fleet, length, at })
  await at(1)
  await fleet.quiet()
  return assumed ?? []
}
