import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { loadScript, openRedis, RedisSettings, runScript, runScriptBuffer } from '../src/index.ts'
import { openLink, scriptOf } from './links.ts'

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

await test('a script takes and gives bytes, also by its text', async (t) => {
  const { url } = await testRedis(t)
  const { link } = openLink(t, { REDIS_URL: url })
  await link.whenAvailable(5000)
  const bytes = Buffer.from([0, 255, 128])
  const echo = scriptOf(t, 'return {ARGV[1], 7, false}')
  const run = () => link.run((redis) => runScriptBuffer(redis, echo, ['k'], [bytes]))
  t.same(await run(), [bytes, 7, null])
  t.same(await run(), [bytes, 7, null], 'and by its SHA-1')
  t.same(await link.run((redis) => runScript(redis, echo, ['k'], ['é'])), ['é', 7, null])
})

await test('what a script says is wrong is passed on', async (t) => {
  const { url } = await testRedis(t)
  const { link } = openLink(t, { REDIS_URL: url })
  await link.whenAvailable(5000)
  const broken = scriptOf(t, "return redis.error_reply('MINE why')")
  await t.rejects(
    link.run((redis) => runScriptBuffer(redis, broken, ['k'], [])),
    { message: /MINE why/ },
  )
  t.ok(link.available)
})
