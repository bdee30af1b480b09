import { ALL_GUARDS, type Guards } from '../../src/protocol/guards.ts'
import type { Violation } from './checker.ts'
import { type Plan, PROFILES, type Profile } from './plan.ts'
import { Random } from './scheduler.ts'
import { World } from './world.ts'

/** What became of one seed. */
export interface Outcome {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** Of everything that happened, in order. */
  readonly hash: number
  readonly events: number
  readonly counts: ReadonlyMap<string, number>
  readonly trace: readonly string[]
  readonly plan: Plan
}

/**
 * Runs one seed. The same seed, guards and code always do the same.
 */
export async function simulate(
  seed: number,
  options: { guards?: Guards; trace?: boolean; profile?: Profile } = {},
): Promise<Outcome> {
  const { guards = ALL_GUARDS, trace = false, profile = 'any' } = options
  const random = new Random(seed)
  const plan = PROFILES[profile](random)
  const world = new World(plan, random, guards, trace)
  await world.run()
  const { checker, counts, scheduler, replicas } = world
  const named = new Map(counts.named)
  const add = (what: string, number: number) => {
    if (number > 0) named.set(what, (named.get(what) ?? 0) + number)
  }
  add('rotation', checker.rotations)
  add('reads', checker.reads)
  add('loads', checker.loads.total)
  add('calm', plan.calm ? 1 : 0)
  for (const { cache } of replicas) {
    const { flushes, l1Hits, l2Hits, staleHits, fenced } = cache.stats()
    for (const [what, number] of Object.entries({ flushes, l1Hits, l2Hits, staleHits, fenced }))
      add(what, number)
  }
  const { hash, events } = scheduler
  return { seed, violations: checker.violations, hash, events, counts: named, trace: world.lines ?? [], plan }
}
