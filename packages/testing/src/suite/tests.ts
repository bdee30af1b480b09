import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { lanes } from '../lanes.ts'
import { type FileResult, type Results, runTestFile } from './test-file.ts'

/** These use all cores, or measure what happens between the processes that they start: they run one at a time. */
const ALONE = /^packages\/(?:cache\/test\/simulation\/simulation|torture|fleet\/test\/e2e\/eviction)\b/
/** These start ten processes and more, each: two at a time keep the cores busy. */
const FLEETS = /^packages\/fleet\b/
/** Of the others many wait for something most of the time, a failover or a lease, so there is one more than there are cores. */
const BESIDE = availableParallelism() + 1
/** These take the longest of the others, so they are begun first. */
const LONG = /^(?:packages\/(?:coordination\/test\/lock|redis\/test\/cluster)|apps\/catalog\/test\/import-)/

/**
 * Runs all files of tests.
 *
 * @param only runs the files whose path has this text
 * @param ended is told of each file, in the order in which they were begun
 */
export async function runTests(
  root: string,
  only: string,
  ended: (result: FileResult) => void,
): Promise<Results> {
  const files = globSync(['{packages,apps}/*/test/**/*.test.ts', 'bench/test/**/*.test.ts'], { cwd: root })
    .filter((file) => file.includes(only))
    .toSorted()
  const left = new Set(files)
  const take = (pattern: RegExp): string[] => {
    const some = [...left].filter((file) => pattern.test(file))
    for (const file of some) left.delete(file)
    return some
  }
  const [alone, fleets, long] = [take(ALONE), take(FLEETS), take(LONG)]
  const all: Results = { passed: 0, failed: 0, failures: [], measured: [] }
  for (const [count, group] of [
    [BESIDE, [...long, ...left]],
    [2, fleets],
    [1, alone],
  ] as const) {
    for (const { result } of lanes(count, group, (file) => runTestFile(file, root))) {
      const one = await result
      ended(one)
      all.passed += one.passed
      all.failed += one.failed
      all.failures.push(...one.failures)
      all.measured.push(...one.measured)
    }
  }
  return all
}
