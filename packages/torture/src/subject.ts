import { createCache, redisTransport } from '@lockstep/cache'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import type { Tier, WriteOutcome } from './records.ts'

/** T: how far behind a read may be, in milliseconds. */
export const MAX_STALENESS = 2_000
/** How long the intent of a writer that died stands, in milliseconds; after it nothing that it left may be stale. */
export const INTENT_LIFETIME = 5_000

export interface SubjectOptions {
  /** Shown in CLIENT LIST. */
  readonly name: string
  readonly redisPort: number
  /** How long a command to Redis may take, in milliseconds. */
  readonly commandTimeout: number
  readonly load: (key: number) => Promise<number>
}

/** The cache under torture: the only file that knows its API. Values are versions of keys. */
export interface Subject {
  /** Whether L1 is in use. */
  readonly live: boolean
  /** @throws only when the cache fails a read */
  read(key: number): Promise<{ version: number; from: Tier }>
  /** Tells the fleet of a commit. `applied`: Redis has done it. */
  invalidate(key: number): Promise<WriteOutcome>
  /**
   * Commits under an intent.
   *
   * @param commit gets the time after which it must refuse, in milliseconds from now
   * @param wait `fleet`: done only when no replica can serve the old value; `applied` is that promise
   */
  mutate(
    key: number,
    commit: (lastsFor: number) => Promise<unknown>,
    wait: 'none' | 'fleet',
  ): Promise<WriteOutcome>
  close(): Promise<void>
}

interface Book {
  readonly version: number
}

const isBook = (stored: unknown): stored is Book =>
  typeof stored === 'object' && stored !== null && 'version' in stored

const silent = { info() {}, warn() {}, error() {} }

export function openSubject({ name, redisPort, commandTimeout, load }: SubjectOptions): Subject {
  const settings = readSettings(RedisSettings, {
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(redisPort),
    REDIS_COMMAND_TIMEOUT: `${commandTimeout}ms`,
    KEY_PREFIX: 'torture',
  })
  const link = openRedis(settings, name, silent)
  const cache = createCache({
    transport: redisTransport(link, { prefix: settings.KEY_PREFIX }),
    logger: silent,
    maxStaleness: MAX_STALENESS,
  })
  const books = cache.define<number, Book>({
    name: 'books',
    version: 1,
    key: (id) => id,
    load: async (id) => ({ version: await load(id) }),
    accepts: isBook,
    ttl: '10m',
  })
  return {
    get live() {
      return cache.live
    },
    async read(key) {
      const { value, from } = await books.read(key)
      if (value === undefined) throw new Error('the source has it, and the cache says that it has not')
      return { version: value.version, from }
    },
    invalidate: async (key) => (await books.invalidate(key)).outcome,
    async mutate(key, commit, wait) {
      const { outcome, promised } = await cache.mutate(
        [books.key(key)],
        ({ deadline }) => commit(deadline - Date.now()),
        { lifetime: INTENT_LIFETIME, ...(wait === 'fleet' ? { wait } : {}) },
      )
      if (wait === 'fleet') return promised ? 'applied' : 'pending'
      return outcome
    },
    async close() {
      await cache.close()
      await link.close()
    },
  }
}
