import { type Cache, createCache, type NamedCache, redisTransport } from '@lockstep/cache'
import { openRedis, type RedisLink, RedisSettings } from '@lockstep/redis'
import { type Duration, readSettings } from '@lockstep/settings'

/** What all topics cache. */
export interface Book {
  readonly id: number
  readonly title: string
  readonly tags: readonly string[]
}

export const CALLERS = 64
export const KEYS = 1000

export const silent = { info: () => {}, warn: () => {}, error: () => {} }

export const book = (id: number): Book => ({
  id,
  title: `Book number ${id}`,
  tags: ['fiction', 'spanish', 'short'],
})

/** Early refreshes are left out: they would load now and then, by chance. */
export const definition = {
  name: 'books',
  version: 1,
  key: (id: number) => id,
  load: async (id: number): Promise<Book> => book(id),
  ttl: '10m',
  earlyRefresh: 0,
} as const

/** Runs `once` in as many loops at a time as there are callers. */
export const concurrently = (once: (n: number) => Promise<unknown>) => async (times: number) => {
  const caller = async (first: number) => {
    for (let n = first; n < times; n += CALLERS) await once(n)
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, first) => caller(first)))
}

/** Of a Redis that gets all the time that it needs. */
export const settingsFor = (url: string, heartbeat = '1s'): RedisSettings =>
  readSettings(RedisSettings, {
    REDIS_URL: url,
    REDIS_COMMAND_TIMEOUT: '5s',
    REDIS_HEARTBEAT: heartbeat,
  })

/** A cache on a Redis, as a process of the fleet has it. */
export interface Replica {
  readonly link: RedisLink
  readonly cache: Cache
  close(): Promise<void>
}

/** @throws when it has no lease on its L1 within five seconds */
export async function openReplica(
  url: string,
  name: string,
  { maxStaleness = '2s', heartbeat = '1s' }: { maxStaleness?: Duration; heartbeat?: string } = {},
): Promise<Replica> {
  const settings = settingsFor(url, heartbeat)
  const link = openRedis(settings, name, silent)
  const live = Promise.withResolvers<void>()
  const cache = createCache({
    transport: redisTransport(link, { prefix: 'bench' }),
    logger: silent,
    maxStaleness,
    onEvent: ({ type }) => type === 'live' && live.resolve(),
  })
  const late = setTimeout(() => live.reject(new Error('Redis does not answer')), 5000)
  await live.promise.finally(() => clearTimeout(late))
  return {
    link,
    cache,
    async close() {
      await cache.close()
      await link.close()
    },
  }
}

/** The books, all of them in L2, and with an L1 that has no room for any: each read goes to L2. */
export async function booksInL2({ cache }: Replica): Promise<NamedCache<number, Book>> {
  const books = cache.define<number, Book>({ ...definition, maxBytes: 1 })
  for (let id = 0; id < KEYS; id++) await books.get(id)
  return books
}
