import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown, testRedis } from '@lockstep/testing'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { loadScript, openRedis, type RedisLink, RedisSettings, type Script } from '../src/index.ts'

/** A link for the length of a test, patient enough for a busy machine. */
export function openLink(t: Teardown, env: Record<string, string>) {
  const logger = recordingLogger()
  const settings = readSettings(RedisSettings, {
    REDIS_RETRY_DELAY_MAX: '100ms',
    REDIS_COMMAND_TIMEOUT: '3s',
    ...env,
  })
  const link = openRedis(settings, 'test-1', logger)
  t.teardown(() => link.close())
  return { link, logger }
}

/** A Redis of its own, a link to it, and a plain client beside that. */
export async function openBoth(t: Teardown) {
  const redis = await testRedis(t)
  const { link, logger } = openLink(t, { REDIS_URL: redis.url })
  await link.whenAvailable(30_000)
  const raw = new Redis(redis.url)
  raw.on('error', () => {})
  t.teardown(() => raw.disconnect())
  return { redis, raw, link, logger }
}

/** What a listener was told, in order. */
export function listen(link: RedisLink, channel: string, options: { sharded?: boolean } = {}) {
  const heard: string[] = []
  const leave = link.channels.listen(
    channel,
    {
      up: () => heard.push('up'),
      down: () => heard.push('down'),
      message: (payload) => heard.push(payload),
    },
    options,
  )
  return { heard, leave }
}

/** A script that replies with what it returns. */
export function scriptOf(t: Test, lua: string): Script<unknown> {
  const file = `${t.testdir()}/script.lua`
  writeFileSync(file, lua)
  return loadScript(pathToFileURL(file), (reply) => reply)
}
