import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { codesIn, exampleInReadme, tableInReadme } from '@lockstep/testing'
import { test } from 'tap'

const readme = new URL('../README.md', import.meta.url)
const example = new URL('../example.ts', import.meta.url)

await test('the example of the README runs and says what it shows', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(example)])
  t.equal(
    stdout,
    `mail.example:587, 5000 ms
The environment is not usable:
  - SMTP_HOST is not set
  - SMTP_PORT must be <= 65535 (got "70000")
  - SMTP_TIMEOUT must be a duration with a unit such as 250ms, 5s or 30m (got "5")
`,
  )
  t.ok(exampleInReadme(readme, example, '@lockstep/settings'), 'the README shows this very code')
})

await test('the README names every error code, and no other', async (t) => {
  const named = tableInReadme(readme, 'Errors').map(([code = '']) => code)
  t.same(named.toSorted(), codesIn(new URL('../src/', import.meta.url)))
})
