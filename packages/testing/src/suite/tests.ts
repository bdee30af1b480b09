import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { lanes } from '../lanes.ts'
import { type FileResult, type Results, runTestFile } from './test-file.ts'

/** These use all cores, or measure what happens between the processes that they start: they run one at a time. */
const ALONE = /^packages\/(?:cache\/test\/simulation\/simulation|torture|fleet)\b/
/** These take the longest of the others, so they are begun first. */
const LONG = /^(?:packages\/(?:coordination\/test\/lock|redis\/test\/cluster)|apps\/catalog\/test\/import-)/

/**
 * Runs all files of tests, as many at a time as there are cores.
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
  const { beside = [], alone = [] } = Object.groupBy(files, (file) => (ALONE.test(file) ? 'alone' : 'beside'))
  const [long, short] = [beside.filter((file) => LONG.test(file)), beside.filter((file) => !LONG.test(file))]
  const all: Results = { passed: 0, failed: 0, failures: [], measured: [] }
  for (const [count, group] of [
    [Math.max(2, availableParallelism()), [...long, ...short]],
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
