import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { BenchError } from './find.ts'

/** Commands a second over one link (requirement M2). */
export interface RedisRates {
  readonly set: number
  readonly get: number
}

const COMMANDS = 20_000
const AT_A_TIME = 64
/** The keys end by themselves. */
const TTL_MS = 60_000

/** @throws {BenchError} when Redis does not answer */
export async function redisRates(url: string): Promise<RedisRates> {
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const settings = readSettings(RedisSettings, { REDIS_URL: url, REDIS_COMMAND_TIMEOUT: '5s' })
  const link = openRedis(settings, 'bench-fleet', silent)
  try {
    if (!(await link.whenAvailable(5000))) throw new BenchError('Redis does not answer')
    const key = (number: number) => `${settings.KEY_PREFIX}:bench:${number % 1000}`
    const set = await rateOf((number) =>
      link.run((redis) => redis.set(key(number), 'x'.repeat(100), 'PX', TTL_MS)),
    )
    const get = await rateOf((number) => link.run((redis) => redis.get(key(number))))
    return { set, get }
  } finally {
    await link.close()
  }
}

async function rateOf(send: (number: number) => Promise<unknown>): Promise<number> {
  let sent = 0
  const begun = performance.now()
  const one = async (): Promise<void> => {
    while (sent < COMMANDS) await send(sent++)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, one))
  return (COMMANDS / (performance.now() - begun)) * 1000
}
