import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'

const example = fileURLToPath(new URL('../example.ts', import.meta.url))

await test('the example of the README runs and says what it shows', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [example])
  t.match(stdout, /^Redis {4}127\.0\.0\.1:\d+, pid \d+\nPostgres 127\.0\.0\.1:\d+, pid \d+\nStopped\.\n$/)
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const code = readFileSync(example, 'utf8').replace('./src/index.ts', '@lockstep/servers')
  t.ok(readme.includes(code), 'the README shows this very code')
})
