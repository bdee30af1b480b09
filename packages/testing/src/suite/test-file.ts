import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnLeashedNode } from '@lockstep/servers'
import { Parser } from 'tap-parser'

/** What the assertions of one file of tests, or of many, came to. */
export interface Results {
  passed: number
  failed: number
  /** Each assertion that failed, with its file and subtests. */
  failures: string[]
  /** What tests measured and wanted people to see: comments that begin so, and the rows of tables. */
  measured: string[]
}

export interface FileResult extends Results {
  /** Beginning at the root of the repository. */
  readonly file: string
  readonly seconds: number
  /** All that it has printed. */
  readonly output: string
}

/** How long tap lets a file take, in s; the process is killed a little later, should it not end by itself. */
const TIMEOUT_S = 600
const KILL_AFTER_MS = (TIMEOUT_S + 30) * 1000

/**
 * Runs one file of tests in a process of its own, in the folder of its package, and reads what it reports. A file of tap's is
 * a program that prints TAP. Tap's own command would put hooks into it, and into each Node that it starts in turn: half as
 * much again for a service, and there are hundreds. What it leaves running goes with it, and all of it when this process ends.
 *
 * @param root of the repository; the file's path begins there
 */
export async function runTestFile(file: string, root: string): Promise<FileResult> {
  const begun = performance.now()
  const results: Results = { passed: 0, failed: 0, failures: [], measured: [] }
  const printed: string[] = []
  const text = new TextDecoder()
  const parser = new Parser({ omitVersion: true })
  collect(parser, file, results)
  const scratch = mkdtempSync(join(tmpdir(), 'lockstep-test-'))
  const errors = join(scratch, 'stderr')
  const output = openSync(errors, 'w')
  try {
    const child = spawnLeashedNode({
      entry: join(root, file),
      cwd: join(root, packageOf(file)),
      env: { ...process.env, TAP_TIMEOUT: String(TIMEOUT_S) },
      output,
      onStdout(chunk) {
        const some = text.decode(chunk, { stream: true })
        printed.push(some)
        parser.write(some)
      },
    })
    const killing = setTimeout(() => void child.kill(), KILL_AFTER_MS)
    const { code, signal } = await child.exited.finally(() => clearTimeout(killing))
    parser.end()
    printed.push(readFileSync(errors, 'utf8'))
    // It died before it could report, reported less than it had planned, or nothing at all.
    if (results.failed === 0 && (code !== 0 || !parser.ok || results.passed === 0)) {
      results.failed++
      results.failures.push(`${file} ended with ${code ?? signal}, and ${results.passed} passed`)
    }
  } finally {
    closeSync(output)
    rmSync(scratch, { recursive: true })
  }
  return { ...results, file, seconds: (performance.now() - begun) / 1000, output: printed.join('') }
}

/** The folder: `packages/redis`, `bench`. */
const packageOf = (file: string): string => file.slice(0, file.indexOf('/test/'))

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
