import { createLimiter, type Limiter } from '@lockstep/coordination'
import { openRedis, type RedisLink, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { silent } from './books.ts'

/** The least that a limiter in Redis can do: a counter with a lifetime. */
export const INCREMENT = `
local value = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return value`

/** A limiter as a process of the fleet has it. @throws when Redis does not answer within five seconds */
export async function openLimiter(url: string): Promise<{ link: RedisLink; limiter: Limiter }> {
  const settings = readSettings(RedisSettings, { REDIS_URL: url, REDIS_COMMAND_TIMEOUT: '5s' })
  const link = openRedis(settings, 'bench-limit', silent)
  if (!(await link.whenAvailable(5000))) throw new Error('Redis does not answer')
  return { link, limiter: createLimiter({ redis: link, prefix: 'bench', logger: silent }) }
}
