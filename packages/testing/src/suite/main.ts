import { fileURLToPath } from 'node:url'
import { findRedisServer } from '@lockstep/servers'
import { forgetResults, readResults } from './results.ts'
import { run } from './run.ts'

/**
 * `npm test`: what the tests need is found or installed, then everything is checked: format, unused code, lint, types, and
 * all tests on real servers. It ends with one line, `N passed, N failed`; a check that fails counts as one.
 */
const root = fileURLToPath(new URL('../../../../', import.meta.url))
const say = (line: string) => process.stdout.write(`${line}\n`)

const MEASURING = ['@lockstep/torture', '@lockstep/fleet']
const testing = (concurrency: string, ...filters: string[]) =>
  ['run', 'test', `--concurrency=${concurrency}`, '--continue', '--output-logs=errors-only'].concat(
    filters.map((filter) => `--filter=${filter}`),
  )

const checks: { name: string; command: string; args: string[] }[] = [
  { name: 'format', command: 'biome', args: ['check', '.'] },
  { name: 'unused code and dependencies', command: 'knip', args: [] },
  // All packages at once: a program that knows types spends most of its time on those that they share.
  { name: 'lint', command: 'oxlint', args: ['--type-aware', '.'] },
  { name: 'types', command: 'tsc', args: [] },
  { name: 'tests', command: 'turbo', args: testing('2', ...MEASURING.map((name) => `!${name}`)) },
  // One of these at a time: they measure what happens between the processes that they start.
  { name: 'tests that measure', command: 'turbo', args: testing('1', ...MEASURING) },
]

try {
  await findRedisServer({ report: say })
  forgetResults(root)
  const failed: string[] = []
  for (const { name, command, args } of checks) {
    say(`▸ ${name}`)
    const begun = performance.now()
    const status = await run(command, args, root)
    say(`${status === 0 ? '✓' : '✗'} ${name} (${Math.round((performance.now() - begun) / 1000)} s)`)
    if (status !== 0) failed.push(name)
  }
  const results = await readResults(root)
  if (results.measured.length > 0)
    say(['', 'Measured:', ...results.measured.map((line) => `  ${line}`)].join('\n'))
  for (const name of results.failures) say(`✗ ${name}`)
  // A package that died before it could report has failed, too, though it counted nothing.
  const broken = failed.filter((name) => !name.startsWith('tests') || results.failed === 0).length
  say(`\n${results.passed} passed, ${results.failed + broken} failed`)
  process.exitCode = failed.length > 0 || results.failed > 0 ? 1 : 0
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  say('\n0 passed, 1 failed')
  process.exitCode = 1
}
