import { createLocks } from '@lockstep/coordination'
import { openRedis } from '@lockstep/redis'
import { Redis } from 'ioredis'
import { settingsFor, silent } from './books.ts'
import { writeChecked } from './locks-stale.ts'
import { report } from './worker.ts'

/** A holder that is about to write when it is stopped: it has looked at its lock before, and does not again. */
const [url = '', resource = ''] = process.argv.slice(2)
const redis = new Redis(url)
const link = openRedis(settingsFor(url), 'stale', silent)
const locks = createLocks({ redis: link, prefix: 'bench', logger: silent })
await locks.whenAvailable(5000)
const { fence } = await locks.acquire(resource, { ttl: '1s' })
let last = performance.now()
const look = setInterval(() => {
  const paused = performance.now() - last
  last = performance.now()
  if (paused < 2000) return
  clearInterval(look)
  void write()
}, 10)
report({ pid: process.pid })

async function write() {
  const fenced = await writeChecked(redis, resource, fence)
  await redis.set(`unfenced:${resource}`, fence)
  report({ fenced: Number(fenced), unfenced: 1 })
}
