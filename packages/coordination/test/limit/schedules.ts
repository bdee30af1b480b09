import fc from 'fast-check'
import type { PolicyOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/limit/memory-store.ts'
import type { PolicySpec } from '../../src/limit/options.ts'
import type { Answer } from '../../src/limit/store.ts'
import { type Given, mostInWindow } from './rig.ts'

/** Something that happens: time passes, in µs, the server's clock is set back, and permits are asked for. */
export interface Step {
  readonly passes: number
  readonly back: number
  readonly cost: number
}

/** Limits small enough that schedules run into them, of every kind and of several tiers. */
export const POLICIES: readonly PolicyOptions[] = [
  { name: 'a', kind: 'sliding', limit: 5, window: '1s' },
  {
    name: 'b',
    kind: 'sliding',
    tiers: [
      { limit: 4, window: '1s' },
      { limit: 7, window: '3s' },
    ],
  },
  { name: 'c', kind: 'exact', limit: 5, window: '1s' },
  {
    name: 'd',
    kind: 'exact',
    tiers: [
      { limit: 4, window: '1s' },
      { limit: 7, window: '3s' },
    ],
  },
  { name: 'e', kind: 'smooth', limit: 10, window: '1s', burst: 4 },
  { name: 'f', kind: 'smooth', limit: 1, window: '1s' },
  {
    name: 'g',
    kind: 'smooth',
    tiers: [
      { limit: 8, window: '1s', burst: 4 },
      { limit: 12, window: '3s', burst: 5 },
    ],
  },
]

/** Adversarial times: bursts, the edges of grains and windows and a microsecond around them, and long pauses. */
const passes = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 400_000 }) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(1000, 100_000, 300_000, 1_000_000, 3_000_000), fc.integer({ min: -1, max: 1 }))
      .map(([edge, by]) => edge + by),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 5_000_000 }) },
)

/** @param stepping whether the clock is set back now and then */
export const schedule = (most: number, stepping: boolean): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      passes,
      back: stepping
        ? fc.oneof(
            { weight: 5, arbitrary: fc.constant(0) },
            { weight: 1, arbitrary: fc.integer({ min: 0, max: 2_000_000 }) },
            { weight: 1, arbitrary: fc.integer({ min: 0, max: 4_000_000_000 }) },
          )
        : fc.constant(0),
      cost: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: most })),
    }),
    { minLength: 1, maxLength: 40 },
  )

/** When each step is: truly, and by the server's clock. */
export function timesOf(steps: readonly Step[], begin: number): { real: number; server: number }[] {
  let real = begin
  let server = begin
  return steps.map(({ passes: passed, back }) => {
    real += passed
    server += passed - back
    return { real, server }
  })
}

/** What the reference says to a schedule. */
export function inMemory(spec: PolicySpec, steps: readonly Step[], begin: number): Answer[] {
  let now = 0
  const store = memoryStore(spec.tiers, { now: () => now / 1000 })
  const times = timesOf(steps, begin)
  return steps.map(({ cost }, at) => {
    now = times[at]?.server ?? 0
    return store.answer({ name: 'key', cost, want: 0 }, 'consume')
  })
}

/** How far the worst window of any tier is above its limit; none should be. */
export function excess(
  spec: PolicySpec,
  steps: readonly Step[],
  answers: readonly Answer[],
  begin: number,
): number {
  const times = timesOf(steps, begin)
  const given = steps.flatMap(({ cost }, at): Given[] =>
    answers[at]?.refusedBy === undefined ? [{ at: times[at]?.real ?? 0, permits: cost }] : [],
  )
  return Math.max(...spec.tiers.map(({ limit, window }) => mostInWindow(given, window * 1000) - limit))
}
