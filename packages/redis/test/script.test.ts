import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { keySpace, loadScript, openRedis, RedisSettings, runScript } from '../src/index.ts'

await test('a script runs by its SHA-1, and survives SCRIPT FLUSH', async (t) => {
  const { url } = await testRedis(t)
  const link = openRedis(
    readSettings(RedisSettings, { REDIS_URL: url, REDIS_COMMAND_TIMEOUT: '5s' }),
    'script-test',
    recordingLogger(),
  )
  t.teardown(() => link.close())
  await until('the link is up', () => link.available)
  const file = `${t.testdir()}/add.lua`
  writeFileSync(file, 'return redis.call("INCRBY", KEYS[1], ARGV[1])')
  const add = loadScript(pathToFileURL(file), Number)
  t.equal(add.name, 'add.lua')
  const run = () => link.run((redis) => runScript(redis, add, ['n'], [2]))
  t.equal(await run(), 2)
  const other = new Redis(url)
  t.teardown(() => other.disconnect())
  await other.script('FLUSH')
  t.equal(await run(), 4)
})

await test('K9 keys are built in one place', async (t) => {
  const keys = keySpace('shop')
  t.equal(keys.entry('books:v1:42'), 'shop:{0}:books:v1:42')
  t.equal(keys.lease('books:v1:42'), 'shop:{0}:lease:books:v1:42')
  t.equal(keys.generation('books:v1'), 'shop:{0}:generation:books:v1')
})
