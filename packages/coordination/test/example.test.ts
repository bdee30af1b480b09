import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { codesIn, exampleInReadme, tableInReadme, testRedis } from '@lockstep/testing'
import { test } from 'tap'

const readme = new URL('../README.md', import.meta.url)
const example = new URL('../example.ts', import.meta.url)

await test('the example of the README runs and says what it shows', async (t) => {
  const { url } = await testRedis(t)
  const env = { ...process.env, REDIS_URL: url }
  // It ends only when nothing is left behind.
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(example)], {
    env,
    timeout: 30_000,
  })
  t.same(
    stdout.split('\n').filter((line) => /^(?:shipped|LOCKSTEP|request) ?/.test(line)),
    [
      'shipped under a fence: true',
      'LOCKSTEP_LOCK_TIMEOUT for order:42, held: true',
      'request 1: allowed, 2 left',
      'request 2: allowed, 1 left',
      'request 3: allowed, 0 left',
      'request 4: refused',
    ],
  )
  t.ok(exampleInReadme(readme, example, '@lockstep/coordination'), 'the README shows this very code')
})

await test('the README names every error code, and no other', async (t) => {
  const named = tableInReadme(readme, 'Errors').map(([code = '']) => code)
  t.same(named.toSorted(), codesIn(new URL('../src/', import.meta.url)))
})
