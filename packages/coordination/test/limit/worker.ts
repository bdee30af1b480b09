import { openRedis, RedisSettings, systemClock } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { createLimiter } from '../../src/index.ts'

/**
 * One process of the fleet: asks for one key for some time, by a clock that is off by some minutes, and prints when the
 * server has admitted it, and when it has refused. `steady` asks all the time; `bursts` asks 64 times around every edge of a tenth of a second.
 */
const [url = '', kind = '', mode = '', ms = '0', off = '0'] = process.argv.slice(2)
const silent = { info: () => {}, warn: () => {}, error: () => {} }
const link = openRedis(
  readSettings(RedisSettings, { REDIS_URL: url, REDIS_COMMAND_TIMEOUT: '10s' }),
  'worker',
  silent,
)
if (!(await link.whenAvailable(30_000))) throw new Error('Redis does not answer')
const skew = Number(off)
const clock = {
  ...systemClock,
  wall: () => Date.now() + skew,
  now: () => performance.now() + Math.max(0, skew),
}
const limiter = createLimiter({ redis: link, prefix: 'test', logger: silent, clock })
const policy = limiter.policy({
  name: 'fleet',
  kind: kind === 'exact' || kind === 'smooth' ? kind : 'sliding',
  limit: 100,
  window: '1s',
  storeTimeout: '10s',
})

const admitted: number[] = []
const refused: number[] = []
async function ask(): Promise<void> {
  const { allowed, at } = await policy.consume('user:7')
  if (at !== undefined) (allowed ? admitted : refused).push(at)
}

const end = performance.now() + Number(ms)
while (performance.now() < end) {
  if (mode === 'bursts') {
    const toEdge = 100 - (Date.now() % 100)
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, toEdge - 2)))
    for (let n = 0; n < 4; n++) await Promise.all(Array.from({ length: 16 }, ask))
  } else {
    await Promise.all(Array.from({ length: 16 }, ask))
    await new Promise(setImmediate)
  }
}
process.stdout.write(`${JSON.stringify({ admitted, refused })}\n`)
await link.close()
