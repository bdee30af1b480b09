import { Redis } from 'ioredis'
import { median } from './compare.ts'
import type { Row } from './table.ts'
import { numberIn, startWorker } from './worker.ts'

const PROCESSES = 4
const LIMIT = 100
const STEADY_MS = 10_000
const FLOOD_MS = 500
const ROUNDS = 5

/** Four processes that never stop asking for one key: the most that any second held, and what came of the limit. */
export async function rolling(url: string): Promise<Row> {
  const [admitted = []] = await fleet(url, 'steady', STEADY_MS, 1, (reports) =>
    reports.flatMap(timesIn).toSorted((a, b) => a - b),
  )
  let most = 0
  let first = 0
  for (const [last, at] of admitted.entries()) {
    while ((admitted[first] ?? at) <= at - 1000) first++
    most = Math.max(most, last - first + 1)
  }
  const ideal = (LIMIT * STEADY_MS) / 1000
  return {
    what: `most admitted in a rolling second of ${LIMIT}, ${PROCESSES} processes; admitted / ideal`,
    floor: 'a log of all requests, 1.00 at 1.0',
    target: '1.00 at ≥ 0.9',
    ours: `${(most / LIMIT).toFixed(2)} at ${(admitted.length / ideal).toFixed(2)}`,
  }
}

const sum = (reports: readonly unknown[]): number =>
  reports.reduce<number>((total, one) => total + numberIn(one, 'asked'), 0)

/** A key that is refused, and asked for by four processes as fast as they can. */
export async function blocked(url: string): Promise<Row> {
  const floors = await fleet(url, 'floor', FLOOD_MS, ROUNDS, sum)
  const ours = await fleet(url, 'ours', FLOOD_MS, ROUNDS, sum)
  const rate = (counts: readonly number[]) => (median(counts) * 1000) / FLOOD_MS
  return {
    what: `refusals of a blocked key, ${PROCESSES} processes`,
    floor: `EVALSHA each, ${(rate(floors) / 1e3).toFixed(1)} k/s`,
    target: '≥ 6',
    ours: (rate(ours) / rate(floors)).toFixed(1),
  }
}

/** Runs the fleet some times, and makes one result of what its processes report each time. */
async function fleet<T>(
  url: string,
  what: string,
  ms: number,
  rounds: number,
  result: (reports: readonly unknown[]) => T,
): Promise<T[]> {
  const raw = new Redis(url)
  const workers = Array.from({ length: PROCESSES }, () =>
    startWorker('./limit-worker.ts', [url, what, `${ms}`]),
  )
  await Promise.all(workers.map((worker) => worker.next()))
  const results: T[] = []
  for (let round = 0; round < rounds; round++) {
    await raw.publish('go', '')
    results.push(result(await Promise.all(workers.map((worker) => worker.next()))))
  }
  await Promise.all(workers.map((worker) => worker.stop()))
  raw.disconnect()
  return results
}

function timesIn(report: unknown): number[] {
  const admitted: unknown =
    typeof report === 'object' && report !== null ? Reflect.get(report, 'admitted') : []
  return Array.isArray(admitted) ? admitted.filter((at) => typeof at === 'number') : []
}
