import { startRedisServer } from '@lockstep/servers'
import { Redis } from 'ioredis'
import { booksInL2, CALLERS, concurrently, KEYS, openReplica } from './books.ts'
import { compare } from './compare.ts'
import { type Row, rateOf, ratioOf } from './table.ts'

const COUNTED = 100

/** Invalidations, over a real Redis. */
export async function writes(): Promise<Row[]> {
  const server = await startRedisServer()
  const replica = await openReplica(server.url, 'bench')
  const raw = new Redis(server.url, { enableAutoPipelining: true })
  const books = await booksInL2(replica)
  const [floor, ours] = await compare(
    5000,
    {
      name: 'ioredis DEL and PUBLISH, auto-pipelined',
      run: concurrently((n) =>
        Promise.all([raw.del(`raw:${n % KEYS}`), raw.publish('raw', `raw:${n % KEYS}`)]),
      ),
    },
    { name: 'invalidate', run: concurrently((n) => books.invalidate(n % KEYS)) },
  )
  const before = await commandsOf(raw)
  for (let n = 0; n < COUNTED; n++) await books.invalidate(n)
  const after = await commandsOf(raw)
  const count = ((after - before) / COUNTED).toFixed(2)
  await replica.close()
  raw.disconnect()
  await server.stop()
  if (!floor || !ours) return []
  return [
    {
      what: `invalidations, ${CALLERS} callers`,
      floor: rateOf(floor),
      target: '≥ 1',
      ours: ratioOf(ours),
    },
    { what: 'Redis commands for a fleet-wide invalidation', floor: '2', target: '1', ours: count },
  ]
}

/** Scripts that were run. What they do inside is counted in the same statistics, and is no command of a client. */
async function commandsOf(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats')
  let calls = 0
  for (const [, count] of stats.matchAll(/cmdstat_(?:evalsha|eval):calls=(\d+)/g)) calls += Number(count)
  return calls
}
