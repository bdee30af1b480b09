import { createLocks } from '@lockstep/coordination'
import { openRedis } from '@lockstep/redis'
import { startRedisServer } from '@lockstep/servers'
import { Redis } from 'ioredis'
import { settingsFor, silent } from './books.ts'
import type { Row } from './table.ts'
import { numberIn, startWorker } from './worker.ts'

const TRIALS = 6

/** A resource that refuses a lower fence than the highest that it has seen; and one that looks at none. */
const CHECKED = `
if tonumber(ARGV[1]) < tonumber(redis.call('HGET', KEYS[1], 'fence') or 0) then return 0 end
redis.call('HSET', KEYS[1], 'fence', ARGV[1])
return 1`

/** Writes a value with a fence to the resource that checks it; tells whether it was taken. */
export const writeChecked = async (redis: Redis, resource: string, fence: number): Promise<boolean> =>
  (await redis.eval(CHECKED, 1, resource, fence)) === 1

/**
 * A holder is stopped for 3 s under a lease of 1 s, writes when it wakes up, and only then looks whether it still has the
 * lock; meanwhile another one has had it and written. How many of its writes are taken, of as many trials?
 */
export async function stale(): Promise<Row> {
  const server = await startRedisServer()
  const redis = new Redis(server.url)
  const link = openRedis(settingsFor(server.url), 'bench', silent)
  const locks = createLocks({ redis: link, prefix: 'bench', logger: silent })
  await locks.whenAvailable(5000)
  const taken = await Promise.all(
    Array.from({ length: TRIALS }, async (_, trial) => {
      const resource = `order:${trial}`
      const worker = startWorker('locks-stale-worker.ts', [server.url, resource])
      const pid = numberIn(await worker.next(), 'pid')
      process.kill(pid, 'SIGSTOP')
      const end = performance.now() + 3000
      await locks.run(resource, { wait: '10s' }, ({ fence }) => writeChecked(redis, resource, fence))
      await new Promise((resolve) => setTimeout(resolve, end - performance.now()))
      process.kill(pid, 'SIGCONT')
      const counts = await worker.next()
      await worker.stop()
      return { fenced: numberIn(counts, 'fenced'), unfenced: numberIn(counts, 'unfenced') }
    }),
  )
  await locks.close()
  await link.close()
  redis.disconnect()
  await server.stop()
  const sum = (field: 'fenced' | 'unfenced') => taken.reduce((all, trial) => all + trial[field], 0)
  return {
    what: `holder stopped 3 s, TTL 1 s: stale writes taken in ${TRIALS} trials`,
    floor: `without a fence, ${sum('unfenced')}`,
    target: '0',
    ours: `${sum('fenced')}`,
  }
}
