import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { codesIn, exampleInReadme, settingsOf, tableInReadme, testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { keySpace, RedisSettings } from '../src/index.ts'

const readme = new URL('../README.md', import.meta.url)
const example = new URL('../example.ts', import.meta.url)

await test('the example of the README runs and says what it shows', async (t) => {
  const { url } = await testRedis(t)
  const env = { ...process.env, REDIS_URL: url }
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(example)], { env })
  t.match(stdout, /^heard hello$/m)
  t.ok(exampleInReadme(readme, example, '@lockstep/redis'), 'the README shows this very code')
})

await test('the README names every setting with its default, every error code, and every kind of key', async (t) => {
  const settings = tableInReadme(readme, 'Settings').map(([name, value]) => [name, value])
  t.same(settings, settingsOf(RedisSettings))
  const codes = tableInReadme(readme, 'Errors').map(([code = '']) => code)
  t.same(codes.toSorted(), codesIn(new URL('../src/', import.meta.url)))
  const { entry, lease, generation } = keySpace('shop')
  const keys = tableInReadme(readme, 'Keys').map(([key]) => key)
  t.same(keys, [entry('books:v1:42'), lease('books:v1:42'), generation('books:v1')])
})
