import { globSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { Parser } from 'tap-parser'

/** What all the tests of all packages came to. */
export interface Results {
  passed: number
  failed: number
  /** Each assertion that failed, with its package. */
  failures: string[]
  /** What tests measured and wanted people to see: comments that begin so, and the rows of tables. */
  measured: string[]
}

const files = (root: string) =>
  globSync(['{packages,apps}/*/.tap/results.tap', 'bench/.tap/results.tap'], { cwd: root }).map((file) =>
    join(root, file),
  )

/** Removes the results of the last run, so that a package that does not report counts for nothing. */
export function forgetResults(root: string): void {
  for (const file of files(root)) rmSync(file)
}

export async function readResults(root: string): Promise<Results> {
  const results: Results = { passed: 0, failed: 0, failures: [], measured: [] }
  for (const file of files(root)) {
    const parser = new Parser({ omitVersion: true })
    collect(parser, relative(root, dirname(dirname(file))), results)
    parser.end(readFileSync(file, 'utf8'))
  }
  return results
}

/** A subtest stands for what is in it: only assertions that hold no others are counted. */
function collect(parser: Parser, name: string, results: Results): void {
  const withChildren = new Set<string>()
  parser.on('child', (child) => {
    withChildren.add(child.name)
    collect(child, `${name} › ${child.name}`, results)
  })
  parser.on('assert', (assert) => {
    if (withChildren.has(assert.name)) return
    if (assert.ok) results.passed++
    else {
      results.failed++
      results.failures.push(`${name} › ${assert.name}`)
    }
  })
  parser.on('comment', (comment) => {
    const text = comment.replace(/^# /, '').trim()
    if (/^(propagation|\||simulation)/.test(text)) results.measured.push(text)
  })
}
