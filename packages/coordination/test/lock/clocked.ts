import { readFileSync } from 'node:fs'
import type { RedisLink } from '@lockstep/redis'
import { say } from './rig.ts'

/** The script as it is, but for its clock: that is a list in Redis, which a test can set. */
export const clockedScript = readFileSync(
  new URL('../../src/lock/lua/locks.lua', import.meta.url),
  'utf8',
).replace("call('TIME')", "call('LRANGE', 'clock', 0, 1)")

export async function setClock(link: RedisLink, ms: number): Promise<void> {
  await say(link, 'del', 'clock')
  await say(link, 'rpush', 'clock', Math.floor(ms / 1000), (ms % 1000) * 1000)
}
