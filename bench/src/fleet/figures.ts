import type { Answer, From } from './client.ts'

/** What the latencies of a phase come to, in milliseconds. */
export interface Latencies {
  readonly count: number
  readonly mean: number
  readonly median: number
  readonly min: number
  readonly max: number
  /** The standard deviation. */
  readonly deviation: number
  /** By the nearest rank. */
  percentile(part: number): number
}

export function latenciesOf(times: readonly number[]): Latencies {
  const sorted = times.toSorted((a, b) => a - b)
  const count = sorted.length
  const percentile = (part: number) =>
    sorted[Math.min(count - 1, Math.max(0, Math.ceil((part / 100) * count) - 1))] ?? Number.NaN
  const mean = sorted.reduce((sum, time) => sum + time, 0) / count
  const variance = sorted.reduce((sum, time) => sum + (time - mean) ** 2, 0) / count
  return {
    count,
    mean,
    median: percentile(50),
    min: percentile(0),
    max: percentile(100),
    deviation: Math.sqrt(variance),
    percentile,
  }
}

/** How many answers came from where. */
export type Sources = Record<From, number>

export function sourcesOf(answers: readonly Answer[]): Sources {
  const sources: Sources = { l1: 0, l2: 0, source: 0, failed: 0 }
  for (const { from } of answers) sources[from]++
  return sources
}

/** Percent of the answers that a tier gave, to two decimals. */
export const percentOf = (part: number, all: number): number =>
  all === 0 ? 0 : Math.round((part / all) * 10_000) / 100

export const hitRateOf = ({ l1, l2, source, failed }: Sources): number =>
  percentOf(l1 + l2, l1 + l2 + source + failed)
