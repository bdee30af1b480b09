import { createCache, memoryTransport, redisTransport } from '@lockstep/cache'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { startRedisServer } from '@lockstep/servers'
import { readSettings } from '@lockstep/settings'
import { Redis } from 'ioredis'
import { LRUCache } from 'lru-cache'
import { compare } from './compare.ts'

interface Book {
  id: number
  title: string
  tags: string[]
}

const CALLERS = 64
const KEYS = 1000
const silent = { info: () => {}, warn: () => {}, error: () => {} }
const book = (id: number): Book => ({ id, title: `Book number ${id}`, tags: ['fiction', 'spanish', 'short'] })
const isBook = (stored: unknown): stored is Book =>
  typeof stored === 'object' && stored !== null && 'title' in stored

const definition = {
  name: 'books',
  version: 1,
  key: (id: number) => id,
  load: async (id: number) => book(id),
  accepts: isBook,
  ttl: '10m',
} as const

/** Runs `once` in as many loops at a time as there are callers. */
const concurrently = (once: (n: number) => Promise<unknown>) => async (times: number) => {
  const caller = async (first: number) => {
    for (let n = first; n < times; n += CALLERS) await once(n)
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, first) => caller(first)))
}

async function l1(): Promise<void> {
  const cache = createCache({ transport: memoryTransport(), logger: silent })
  const books = cache.define<number, Book>(definition)
  const lru = new LRUCache<string, Book>({ max: 10_000 })
  for (let id = 0; id < KEYS; id++) {
    await books.get(id)
    lru.set(String(id), book(id))
  }
  const around = async (id: number) => lru.get(String(id))
  let seen = 0
  const loop = (get: (id: number) => unknown) => async (times: number) => {
    for (let n = 0; n < times; n++) if (get(n % KEYS)) seen++
  }
  const awaited = (get: (id: number) => Promise<unknown>) => async (times: number) => {
    for (let n = 0; n < times; n++) if (await get(n % KEYS)) seen++
  }
  await compare(
    'L1 hit, awaited',
    200_000,
    { name: 'an async function around lru-cache.get', run: awaited(around) },
    { name: 'books.get', run: awaited((id) => books.get(id)) },
  )
  await compare(
    'L1 hit, synchronous',
    500_000,
    { name: 'lru-cache.get', run: loop((id) => lru.get(String(id))) },
    { name: 'books.peek', run: loop((id) => books.peek(id)) },
  )
  if (seen === 0) throw new Error('nothing was found')
}

async function l2(): Promise<void> {
  const server = await startRedisServer()
  const link = openRedis(
    readSettings(RedisSettings, { REDIS_URL: server.url, REDIS_COMMAND_TIMEOUT: '5s' }),
    'bench',
    silent,
  )
  await link.whenAvailable(5000)
  const raw = new Redis(server.url, { enableAutoPipelining: true })
  const transport = redisTransport(link, { prefix: 'bench' })
  const cache = createCache({ transport, logger: silent })
  // One entry in L1, so that a read of another id always goes to L2.
  const books = cache.define<number, Book>({ ...definition, maxEntries: 1 })
  for (let id = 0; id < KEYS; id++) {
    await books.get(id)
    await raw.set(`raw:${id}`, JSON.stringify(book(id)))
  }
  await compare(
    `L2 hits, ${CALLERS} callers`,
    20_000,
    {
      name: 'ioredis GET and JSON.parse',
      run: concurrently(async (n) => JSON.parse((await raw.get(`raw:${n % KEYS}`)) ?? '')),
    },
    { name: 'books.get', run: concurrently((n) => books.get(n % KEYS)) },
  )
  await compare(
    `invalidations, ${CALLERS} callers`,
    10_000,
    {
      name: 'ioredis DEL and PUBLISH, pipelined',
      run: concurrently((n) =>
        Promise.all([raw.del(`raw:${n % KEYS}`), raw.publish('raw', `raw:${n % KEYS}`)]),
      ),
    },
    { name: 'books.invalidate', run: concurrently((n) => books.invalidate(n % KEYS)) },
  )
  await cache.close()
  await link.close()
  raw.disconnect()
  await server.stop()
}

await l1()
await l2()
