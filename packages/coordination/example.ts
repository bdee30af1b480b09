import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { createLimiter, createLocks, LockTimeoutError } from './src/index.ts'

const settings = readSettings(RedisSettings, process.env)
const redis = openRedis(settings, 'example-1', console)
if (!(await redis.whenAvailable(5_000))) throw new Error('Redis does not answer')

const around = { redis, prefix: settings.KEY_PREFIX, logger: console }
const locks = createLocks(around)

// Some work that one process of the fleet does at a time. Its writes carry the fence, and the database checks it.
const shipped = await locks.run('order:42', { ttl: '10s', wait: '5s' }, async (lock) => {
  lock.assertHeld()
  return `shipped under a fence: ${lock.fence > 0}`
})
process.stdout.write(`${shipped}\n`)

{
  await using lock = await locks.acquire('order:42', { ttl: '10s' })
  // Whoever comes now waits for his turn, or for as long as he likes.
  try {
    await locks.acquire('order:42', { wait: '50ms' })
  } catch (error) {
    if (!(error instanceof LockTimeoutError)) throw error
    process.stdout.write(`${error.code} for ${error.resource}, held: ${lock.held}\n`)
  }
}

const limiter = createLimiter(around)
const perUser = limiter.policy({
  name: 'api',
  tiers: [
    { limit: 3, window: '1s' },
    { limit: 1000, window: '1h' },
  ],
})
for (let request = 1; request <= 4; request++) {
  const { allowed, remaining } = await perUser.consume(`user:${process.pid}`)
  process.stdout.write(`request ${request}: ${allowed ? `allowed, ${remaining} left` : 'refused'}\n`)
}

await locks.close()
await redis.close()
