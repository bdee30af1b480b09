import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { exampleInReadme, testRedis } from '@lockstep/testing'
import { test } from 'tap'

const readme = new URL('../README.md', import.meta.url)
const example = new URL('../example.ts', import.meta.url)

await test('the example of the README runs and says what it shows', async (t) => {
  const { url } = await testRedis(t)
  const env = { ...process.env, REDIS_URL: url }
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(example)], {
    env,
    timeout: 30_000,
  })
  const said = stdout.split('\n').filter((line) => / from |^(?:mutate|invalidateTags): /.test(line))
  t.same(said, [
    'Ficciones from source',
    'Ficciones from l1',
    'mutate: applied',
    'El Aleph from source',
    'invalidateTags: applied',
    'El Aleph from source',
  ])
  t.ok(exampleInReadme(readme, example, '@lockstep/cache'), 'the README shows this very code')
})
