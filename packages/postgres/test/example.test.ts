import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { codesIn, exampleInReadme, settingsOf, tableInReadme, testPostgres } from '@lockstep/testing'
import { test } from 'tap'
import { PostgresSettings } from '../src/index.ts'

const readme = new URL('../README.md', import.meta.url)
const example = new URL('../example.ts', import.meta.url)

await test('the example of the README runs and says what it shows', async (t) => {
  const { url } = await testPostgres(t)
  const env = { ...process.env, DATABASE_URL: url }
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(example)], { env })
  t.equal(stdout, 'ran 0001-notes\ntaken: notes_slug_key\n')
  t.ok(exampleInReadme(readme, example, '@lockstep/postgres'), 'the README shows this very code')
})

await test('the README names every setting with its default, and every error code, and no other', async (t) => {
  const settings = tableInReadme(readme, 'Settings').map(([name, value]) => [name, value])
  t.same(settings, settingsOf(PostgresSettings))
  const codes = tableInReadme(readme, 'Errors').map(([code = '']) => code)
  t.same(codes.toSorted(), codesIn(new URL('../src/', import.meta.url)))
})
