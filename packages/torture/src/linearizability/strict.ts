import type { Load } from '../plan.ts'
import type { Scenario } from '../scenarios.ts'
import { endure, fleetFor } from '../storm.ts'
import { checkRegister, type Operation } from './check.ts'
import { stretches } from './stretches.ts'

const load: Omit<Load, 'writes'> = {
  // Few, so that reads and writes of one key meet often.
  keys: 16,
  written: 16,
  readsEach: 2,
  writers: 2,
  writePause: 40,
  probe: false,
}

/** What is wrong with one key. */
interface Violation {
  readonly key: number
  readonly stuck: Operation
}

export interface StrictReport {
  readonly scenario: string
  readonly violations: readonly Violation[]
  /** Reads in the parts of the histories that must be linearizable, and all. */
  readonly checkedReads: number
  readonly reads: number
  /** Commits whose write promised that the whole fleet sees them, and all. */
  readonly promised: number
  readonly commits: number
  readonly failedReads: number
}

/**
 * Writes with `mutate` alone in four processes under a fault, and checks that what all of them read is linearizable.
 *
 * @param wait false for the control: writes do not wait for the fleet, though they are taken as if they had
 */
export async function strict(
  scenario: Scenario,
  seconds: number,
  seed: number,
  wait: boolean,
): Promise<StrictReport> {
  const fleet = await fleetFor(scenario, { ...load, writes: wait ? 'mutate-for-fleet' : 'mutate' }, seed)
  try {
    await endure(fleet, scenario, seconds)
    await fleet.stop()
    const histories = await fleet.finish()
    const { commits } = fleet.database
    const writes = histories.flatMap((history) => history.writes)
    const reads = histories.flatMap((history) => history.reads)
    const found = stretches(commits, writes, reads)
    return {
      scenario: scenario.name,
      violations: found.flatMap(({ key, initial, operations }) => {
        const finding = checkRegister(operations, initial)
        return finding.linearizable ? [] : [{ key, stuck: finding.stuck }]
      }),
      checkedReads: found.reduce(
        (sum, { operations }) => sum + operations.filter(({ kind }) => kind === 'read').length,
        0,
      ),
      reads: reads.length,
      promised: writes.filter(({ outcome, version }) => outcome === 'applied' && version > 0).length,
      commits: commits.length,
      failedReads: reads.filter(({ from }) => from === 'failed').length,
    }
  } finally {
    await fleet.close()
  }
}
