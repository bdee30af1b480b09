import { setImmediate as turn } from 'node:timers/promises'

/** A thing to measure: `run` does it `times` times. */
export interface Subject {
  readonly name: string
  run(times: number): unknown
}

/** What a subject cost beside the floor. */
export interface Compared {
  readonly name: string
  /** Operations a second, by the wall clock. */
  readonly rate: number
  /** Times the floor's speed: by the wall clock, and by the processor time of this process. Above 1 is faster. */
  readonly ratio: number
  readonly cpuRatio: number
}

interface Cost {
  /** Microseconds an operation. */
  readonly wall: number
  readonly cpu: number
}

const ROUNDS = 11

/**
 * Measures a floor and subjects in turns, so that whatever else the machine does hits them alike. A ratio is taken within
 * each round, and the median of all rounds is the result.
 *
 * @param times how often a round does each; choose it for some 50 ms or more
 * @returns the subjects in their order, after the floor
 */
export async function compare(times: number, floor: Subject, ...subjects: Subject[]): Promise<Compared[]> {
  const all = [floor, ...subjects]
  const costs = all.map((): Cost[] => [])
  // The first round only warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, subject] of all.entries()) {
      const cost = await costOf(subject, times)
      if (round > 0) costs[at]?.push(cost)
    }
  }
  const [floors = []] = costs
  return all.map(({ name }, at) => {
    const own = costs[at] ?? []
    const against = (part: keyof Cost) =>
      median(own.map((cost, round) => (floors[round]?.[part] ?? Number.NaN) / cost[part]))
    return {
      name,
      rate: 1e6 / median(own.map(({ wall }) => wall)),
      ratio: against('wall'),
      cpuRatio: against('cpu'),
    }
  })
}

async function costOf(subject: Subject, times: number): Promise<Cost> {
  globalThis.gc?.()
  await turn()
  const before = process.cpuUsage()
  const begun = performance.now()
  await subject.run(times)
  const wall = performance.now() - begun
  const { user, system } = process.cpuUsage(before)
  return { wall: (wall * 1000) / times, cpu: (user + system) / times }
}

export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}
