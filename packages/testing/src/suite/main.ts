import { fileURLToPath } from 'node:url'
import { findRedisServer } from '@lockstep/servers'
import { run } from './run.ts'
import { runTests } from './tests.ts'

/**
 * `npm test`: what the tests need is found or installed, then everything is checked: format, unused code, lint, types, and
 * all tests on real servers. It ends with one line, `N passed, N failed`; a check that fails counts as one.
 * `npm test -- packages/redis` runs the tests of the files whose path has this text, and no checks.
 */
const root = fileURLToPath(new URL('../../../../', import.meta.url))
const say = (line: string) => process.stdout.write(`${line}\n`)

const checks: { name: string; command: string; args: string[] }[] = [
  { name: 'format', command: 'biome', args: ['check', '.'] },
  { name: 'unused code and dependencies', command: 'knip', args: [] },
  // All packages at once: a program that knows types spends most of its time on those that they share.
  { name: 'lint', command: 'oxlint', args: ['--type-aware', '.'] },
  { name: 'types', command: 'tsc', args: [] },
]

const [only] = process.argv.slice(2)
try {
  await findRedisServer({ report: say })
  const broken: string[] = []
  for (const { name, command, args } of only === undefined ? checks : []) {
    const begun = performance.now()
    const status = await run(command, args, root)
    say(`${status === 0 ? '✓' : '✗'} ${name} (${Math.round((performance.now() - begun) / 1000)} s)`)
    if (status !== 0) broken.push(`✗ ${name}`)
  }
  const results = await runTests(root, only ?? '', ({ file, passed, failed, seconds, output }) => {
    if (failed > 0) say(output)
    say(`${failed === 0 ? '✓' : '✗'} ${file}: ${passed} passed, ${failed} failed (${seconds.toFixed(1)} s)`)
  })
  if (results.measured.length > 0)
    say(['', 'Measured:', ...results.measured.map((line) => `  ${line}`)].join('\n'))
  for (const line of [...broken, ...results.failures.map((name) => `✗ ${name}`)]) say(line)
  const all = results.failed + broken.length
  say(`\n${results.passed} passed, ${all} failed`)
  process.exitCode = all > 0 || results.passed === 0 ? 1 : 0
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  say('\n0 passed, 1 failed')
  process.exitCode = 1
}
