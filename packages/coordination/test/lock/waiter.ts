import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { createLocks } from '../../src/index.ts'

/** A process that waits for a lock, and is killed meanwhile. */
const plan: { port: number; resource: string } = JSON.parse(process.argv[2] ?? '')
const logger = { info() {}, warn() {}, error() {} }
const settings = readSettings(RedisSettings, { REDIS_URL: `redis://127.0.0.1:${plan.port}` })
const link = openRedis(settings, 'waiter', logger)
const locks = createLocks({ redis: link, prefix: 'shop', logger })
await link.whenAvailable(30_000)
await locks.acquire(plan.resource, { ttl: '3s', wait: '60s' })
process.stdout.write('held\n')
