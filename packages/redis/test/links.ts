import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown } from '@lockstep/testing'
import type { Test } from 'tap'
import { loadScript, openRedis, type RedisLink, RedisSettings, type Script } from '../src/index.ts'

/** A link for the length of a test. */
export function openLink(t: Teardown, env: Record<string, string>) {
  const logger = recordingLogger()
  const settings = readSettings(RedisSettings, {
    REDIS_RETRY_DELAY_MAX: '100ms',
    REDIS_COMMAND_TIMEOUT: '1s',
    ...env,
  })
  const link = openRedis(settings, 'test-1', logger)
  t.teardown(() => link.close())
  return { link, logger }
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
