import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  codesIn,
  exampleInReadme,
  settingsOf,
  tableInReadme,
  testCluster,
  testRedis,
} from '@lockstep/testing'
import { test } from 'tap'
import { keySpace, openValues, RedisSettings } from '../src/index.ts'
import { openLink } from './links.ts'

const readme = new URL('../README.md', import.meta.url)
const example = new URL('../example.ts', import.meta.url)

await test('the example of the README runs and says what it shows', async (t) => {
  const { url } = await testRedis(t)
  const env = { ...process.env, REDIS_URL: url }
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(example)], { env })
  const said = stdout.split('\n').filter((line) => /^(?:visit|token|heard) /.test(line))
  t.same(said, ['visit 1', 'token true', 'heard hello'])
  t.ok(exampleInReadme(readme, example, '@lockstep/redis'), 'the README shows this very code')
})

await test('the example runs on a Cluster as it does on one Redis', async (t) => {
  const cluster = await testCluster(t, { replicasPerMaster: 0 })
  const env = { ...process.env, REDIS_CLUSTER_NODES: cluster.addresses }
  // It ends only when the link has left nothing behind.
  const limit = { env, timeout: 30_000 }
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(example)], limit)
  t.match(stdout, /^heard hello$/m)
})

await test('the README names every operation on values', async (t) => {
  const { url } = await testRedis(t)
  const { link } = openLink(t, { REDIS_URL: url })
  const cells = tableInReadme(readme, 'Values').map(([cell = '']) => cell)
  const named = cells.flatMap((cell) => cell.replaceAll(/\([^)]*\)/g, '').split(', '))
  t.same(named.toSorted(), Object.keys(openValues(link, { prefix: 'shop' })).toSorted())
})

await test('the README names every setting with its default, every error code, and every kind of key', async (t) => {
  const settings = tableInReadme(readme, 'Settings').map(([name, value]) => [name, value])
  t.same(settings, settingsOf(RedisSettings))
  const codes = tableInReadme(readme, 'Errors').map(([code = '']) => code)
  t.same(codes.toSorted(), codesIn(new URL('../src/', import.meta.url)))
  const { entry, lease, value, of, head, log, markers, server, intents, replicas } = keySpace('shop')
  t.same(
    tableInReadme(readme, 'Keys').map(([key]) => key),
    [
      entry('books:v1:42'),
      lease('books:v1:42'),
      value('visits'),
      of('lock', 'order:42'),
      ...[head, log, markers, server, intents, replicas].map((key) => key(0)),
    ],
  )
})
