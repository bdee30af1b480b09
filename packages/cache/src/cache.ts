import { randomUUID } from 'node:crypto'
import { cacheName, keySpace } from '@lockstep/redis'
import { systemClock } from './clock.ts'
import { DefinitionError } from './errors.ts'
import { Invalidator, type Outcome } from './invalidator.ts'
import {
  checkDefinition,
  type Definition,
  NamedCache,
  type Reading,
  type Surroundings,
} from './named-cache.ts'
import type { Clock, Invalidation, Logger, Transport } from './ports.ts'
import { Region } from './region.ts'
import { cacheOf, Replica } from './replica.ts'
import { type CacheStats, noStats } from './stats.ts'
import { decodeMessage, encodeMessage } from './wire.ts'

export interface CacheOptions {
  /** How this cache reaches the fleet: `redisTransport(link, { prefix })`, or `memoryTransport()` for one process. */
  readonly transport: Transport
  readonly logger: Logger
  readonly l1?: {
    /** How many entries each named cache keeps in this process. Default 10,000. */
    readonly maxEntries?: number
  }
  readonly clock?: Clock
  /** From 0 up to 1. */
  readonly random?: () => number
}

/** The cache object of a process: any number of named caches over one L2 and one bus. */
export interface Cache {
  /** @throws {DefinitionError} when the name is not one, or is taken */
  define<K, V>(definition: Definition<K, V>): NamedCache<K, V>
  /**
   * Evicts entries (named by `books.key(42)`) and clears whole caches, in every replica and in Redis: one call, one
   * message. Call it after the commit. Redis being away is an outcome, not an error.
   *
   * @throws {DefinitionError} at once, when a key is not the name of an entry
   */
  invalidate(what: { keys?: readonly string[]; caches?: readonly { name: string }[] }): Promise<Outcome>
  /** Whether invalidations of others are known to arrive, so that L1 is in use. */
  readonly live: boolean
  stats(): CacheStats
  /** Sends what still waits, if Redis lets it, and stops listening. */
  close(): Promise<void>
}

/** Makes the cache object. It listens from now on; until the bus is up, reads go past L1. */
export function createCache(options: CacheOptions): Cache {
  const { transport, logger, clock = systemClock, random = Math.random, l1 = {} } = options
  const { store, bus, prefix } = transport
  const origin = randomUUID()
  const root = keySpace(prefix).root
  const stats = noStats()
  const replica = new Replica()
  const background = new Set<Promise<unknown>>()
  const invalidator = new Invalidator({
    store,
    fences: replica,
    clock,
    logger,
    stats,
    message: (what) => encodeMessage(prefix, origin, what),
  })

  const unlisten = bus.listen({
    up: () => replica.up(),
    down: () => replica.down(),
    message: receive,
  })

  function receive(payload: string): void {
    const received = decodeMessage(prefix, root, payload)
    if (received.kind === 'foreign') return
    if (received.kind === 'invalidation') {
      if (received.origin === origin) return
      replica.evict(received.what)
    } else if (received.kind === 'plain') {
      evictPlain(received.name)
    } else {
      logger.warn({ version: received.version }, 'invalidation in an unknown format: L1 flushed')
      replica.flush()
    }
    stats.messages++
  }

  /** The foreign program that published a plain key may not know of our L2: the entry goes there, too. */
  function evictPlain(name: string): void {
    const cache = cacheOf(name)
    if (cache === undefined || !replica.has(cache)) return
    void invalidator.invalidate({ names: [name], caches: [] }, false)
  }

  let reported = ''
  const forget = store.onAvailable(() => {
    reported = ''
  })
  const surroundings: Surroundings = {
    store,
    clock,
    random,
    stats,
    live: () => replica.live,
    fenced: (cache, name) => replica.fenced(cache, name),
    invalidate: (what: Invalidation) => invalidator.invalidate(what),
    l2Failed(error) {
      stats.l2Errors++
      const reason = error instanceof Error ? error.message : String(error)
      if (reason !== reported) logger.warn({ reason }, 'the cache goes on without L2')
      reported = reason
    },
    background(work) {
      background.add(work)
      void work.finally(() => background.delete(work))
    },
  }

  return {
    define<K, V>(definition: Definition<K, V>) {
      checkDefinition(definition)
      const name = cacheName(definition.name, definition.version)
      if (replica.has(name)) throw new DefinitionError(`There is a cache ${name} already`)
      const region = new Region<V, Reading<V>>(definition.maxEntries ?? l1.maxEntries ?? 10_000)
      const cache = new NamedCache(definition, region, surroundings)
      replica.add(name, region)
      return cache
    },
    invalidate({ keys = [], caches = [] }) {
      const wrong = keys.find((key) => cacheOf(key) === undefined)
      if (wrong !== undefined) {
        throw new DefinitionError(`${JSON.stringify(wrong)} is not the name of an entry, such as books:v1:42`)
      }
      return invalidator.invalidate({ names: keys, caches: caches.map(({ name }) => name) })
    },
    get live() {
      return replica.live
    },
    stats: () => ({ ...stats }),
    async close() {
      await unlisten()
      replica.down()
      await Promise.all(background)
      await invalidator.retry()
      invalidator.end()
      forget()
    },
  }
}
