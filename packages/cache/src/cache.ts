import { randomBytes, randomUUID } from 'node:crypto'
import { type Metric, realTime, systemClock } from '@lockstep/redis'
import { type Duration, toMilliseconds } from '@lockstep/settings'
import { DefinitionError, reasonOf } from './errors.ts'
import { metricsOf } from './metrics.ts'
import { NamedCache } from './named-cache.ts'
import { boundsOf, type CacheEvent, type CacheOptions, type RedisCacheOptions } from './options.ts'
import { ALL_GUARDS, type Guards } from './protocol/guards.ts'
import { MAX_INTENT } from './protocol/shard-view.ts'
import { Keeper } from './read/keeper.ts'
import { type Load, Loader } from './read/loader.ts'
import { type Definition, policyOf } from './read/policy.ts'
import { Reader } from './read/reader.ts'
import { redisTransport } from './redis/transport.ts'
import { cacheOf, Replica } from './replica.ts'
import { type CacheCounts, type CacheStats, noCounts, totalOf } from './stats.ts'
import { Region } from './tiers/region.ts'
import {
  type Cached,
  type CachedOptions,
  cached,
  type InvalidatesOptions,
  invalidates,
  type MutatesOptions,
} from './wrap.ts'
import { itemsOf } from './write/items.ts'
import type { MutateContext, Mutated, Through } from './write/mutation.ts'
import { type Sweep, type Swept, sweep } from './write/sweep.ts'
import type { Invalidated } from './write/writes.ts'

export interface MutationOptions {
  /** `fleet`: reads that begin after the commit see the new value everywhere, or the result says `promised: false`. */
  readonly wait?: 'fleet'
  /** The longest that the work may take; if the writer dies, nobody fills the entries for so long. Default 10 s, at most 30 s. */
  readonly lifetime?: Duration
  /** When Redis is away: `reject` before the work begins (the default), or `run` it, safe only if this process lives on. */
  readonly whenAway?: 'reject' | 'run'
}

export interface MutationContext extends MutateContext {
  /** The new value of an entry, to lie in Redis when the work has ended, unless somebody else wrote meanwhile. */
  put<K, V>(cache: NamedCache<K, V>, key: K, value: V): void
}

/** What to invalidate: any number of each. */
export interface Invalidations {
  /** Names of entries, as `books.key(42)` gives them. */
  readonly keys?: readonly string[]
  readonly tags?: readonly string[]
  /** Of names, such as `books:v1:list:`. */
  readonly prefixes?: readonly string[]
  readonly caches?: readonly { readonly name: string }[]
}

/** The cache object of a process: any number of named caches over one L2 and one bus. */
export interface Cache {
  /** @throws {DefinitionError} when the definition is wrong, or its name taken */
  define<K, V>(definition: Definition<K, V>): NamedCache<K, V>
  /**
   * Evicts in every replica and in Redis: one call, one message. Call it after the commit. Redis being away is an outcome,
   * not an error.
   *
   * @throws {DefinitionError} when a key is not the name of an entry
   */
  invalidate(what: Invalidations): Promise<Invalidated>
  /** Evicts all that is tagged with one of them, whatever their number. */
  invalidateTags(tags: readonly string[]): Promise<Invalidated>
  /** @param prefix of the names of entries, such as `books:v1:list:` */
  invalidatePrefix(prefix: string): Promise<Invalidated>
  /**
   * Evicts by pattern, tag or cache, and says how many entries lay in Redis. It walks over what Redis holds of the caches
   * defined here (SCAN), so it is for people, not for every request. By a pattern, all of these caches that begins as the
   * pattern does before its first wildcard reads as absent; nothing else is touched.
   *
   * @throws {DefinitionError} for a pattern that is not complete, such as `[a`, or a cache that is not defined here
   */
  sweep(what: Sweep): Promise<Swept>
  /** Sweeps what matches a glob: `*`, `?`, `[a-z]`, and a backslash before a literal one. */
  invalidatePattern(glob: string): Promise<Swept>
  /**
   * Does a write in which its writer may crash: an intent stands in Redis until it has ended.
   *
   * @param names of the entries that the work changes, such as `[books.key(42)]`
   * @param work commits to the source, before its deadline
   * @throws {MutationAwayError} when Redis is away, before the work has begun; or what the work throws
   * @throws {DefinitionError} when a name is not one, or the lifetime too long
   */
  mutate<R>(
    names: readonly string[],
    work: (context: MutationContext) => Promise<R>,
    options?: MutationOptions,
  ): Promise<Mutated<R>>
  /** A value under a key of its own, without a definition: from L1, from L2, or loaded. */
  getOrSet<V>(
    key: string,
    load: Load<string, V>,
    options: { ttl: Duration; tags?: readonly string[] },
  ): Promise<V | undefined>
  /** The same function, asked only when neither tier has its result. */
  cached<Args extends readonly unknown[], V>(
    fn: (...args: Args) => Promise<V | undefined>,
    options: CachedOptions<Args, V>,
  ): Cached<Args, V>
  /** The same function, which invalidates what it has changed (`what`), or declares it before (`names`). */
  invalidates<Args extends readonly unknown[], R>(
    fn: (...args: Args) => Promise<R>,
    options: InvalidatesOptions<Args, R> | MutatesOptions<Args>,
  ): (...args: Args) => Promise<R>
  /** Whether L1 may be served, in all shards. */
  readonly live: boolean
  stats(): CacheStats
  /** The same as metrics, for Prometheus or OpenTelemetry to read when they are asked. */
  metrics(): readonly Metric[]
  /** Sends what still waits, if Redis lets it, and stops listening. */
  close(): Promise<void>
}

/**
 * Makes the cache object. It listens and probes from now on; until Redis has answered, reads go to the source.
 *
 * @throws {DefinitionError} naming the option that is wrong
 * @throws {DurationError} naming the duration that is not one
 */
export function createCache(options: CacheOptions | RedisCacheOptions): Cache {
  if ('transport' in options) return createGuardedCache(options, ALL_GUARDS)
  const { redis, prefix, ...others } = options
  const transport = redisTransport(redis, { prefix, logger: options.logger })
  return createGuardedCache({ ...others, transport }, ALL_GUARDS)
}

/** The same with some guards off, for the proof that each of them is needed. */
export function createGuardedCache(options: CacheOptions, guards: Guards): Cache {
  const { transport, logger, random = Math.random, onEvent } = options
  const { maxStaleness, fillLease, maxEntries, maxBytes } = boundsOf(options)
  const machine = options.clock ?? systemClock
  const clock = guards.wallClock ? realTime(machine) : machine
  const token = options.token ?? (() => randomBytes(12).toString('base64url'))
  const replica = new Replica({
    transport,
    clock,
    logger,
    guards,
    maxStaleness,
    leaseMs: fillLease,
    id: options.id ?? randomUUID(),
    token,
    report: (type: CacheEvent['type'], shard) => onEvent?.({ type, shard }),
  })
  const { l2, writes, pending, waiters, background } = replica
  const caches = new Map<string, { counts: CacheCounts; entries: { size: number; bytes: number } }>()

  function define<K, V>(definition: Definition<K, V>): NamedCache<K, V> {
    const policy = policyOf(definition)
    if (replica.has(policy.cache)) throw new DefinitionError(`There is a cache ${policy.cache} already`)
    const limits = {
      maxEntries: definition.maxEntries ?? maxEntries,
      maxBytes: definition.maxBytes ?? maxBytes,
    }
    const region = new Region<V>(policy.cache, limits, guards)
    const counts = noCounts()
    const around = { policy, region, l2, clock, guards, pending, counts }
    const { load, loadMany } = definition
    const { hardTimeout } = policy
    const keeper = new Keeper<K, V>({ ...around, definition, random, logger })
    const onLoad = (ms: number, failed: boolean) => {
      try {
        options.onLoad?.({ cache: policy.cache, ms, failed })
      } catch (error) {
        logger.error({ reason: reasonOf(error) }, 'onLoad failed')
      }
    }
    const loader = new Loader<K, V>({ clock, hardTimeout, counts, load, loadMany, onLoad })
    const reader = new Reader<K, V>({ ...around, keeper, loader, waiters, maxStaleness, token, background })
    replica.add(region)
    caches.set(policy.cache, { counts, entries: region.entries })
    return new NamedCache({ definition, policy, region, reader, keeper, l2, clock, counts, writes })
  }

  const loose = define<string, unknown>({ name: 'loose', version: 1, key: (key) => key, ttl: '1m' })

  const cache: Cache = {
    define,
    async invalidate({ keys = [], tags = [], prefixes = [], caches: whole = [] }) {
      checkNames(keys)
      return writes.invalidate(itemsOf({ keys, tags, prefixes, caches: whole.map(({ name }) => name) }))
    },
    invalidateTags: (tags) => cache.invalidate({ tags }),
    invalidatePrefix: (prefix) => cache.invalidate({ prefixes: [prefix] }),
    sweep: async (what) => sweep({ store: transport.store, writes, caches: [...caches.keys()] }, what),
    invalidatePattern: (pattern) => cache.sweep({ pattern }),
    async mutate(names, work, { wait, lifetime = '10s', whenAway = 'reject' } = {}) {
      checkNames(names)
      if (names.length === 0) throw new DefinitionError('A mutation names the entries that it changes')
      const through: Through[] = []
      const withPut = (context: MutateContext) =>
        work({
          ...context,
          put: (named, key, value) => {
            const one = named.through(key, value)
            if (!names.includes(one.name))
              throw new DefinitionError(`${one.name} is not among the names mutated`)
            through.push(one)
          },
        })
      const ms = toMilliseconds(lifetime, 'lifetime')
      if (ms > MAX_INTENT)
        throw new DefinitionError(`The lifetime of a mutation is at most ${MAX_INTENT} ms, not ${ms}`)
      return writes.mutate(names, withPut, through, { wait, lifetime: ms, whenAway })
    },
    getOrSet: async <V>(
      key: string,
      load: Load<string, V>,
      how: { ttl: Duration; tags?: readonly string[] },
    ) => {
      const value = await loose.getOrLoad(key, load, how)
      return loadedBy(load, value) ? value : undefined
    },
    cached: (fn, how) => cached(cache, fn, how),
    invalidates: (fn, how) => invalidates(cache, fn, how),
    get live() {
      return replica.live
    },
    stats: () => ({
      ...totalOf([...caches.values()].map(({ counts }) => counts)),
      ...replica.counts,
      pending: replica.waiting,
      caches: Object.fromEntries(
        [...caches].map(([name, { counts, entries }]) => [
          name,
          { ...counts, entries: entries.size, bytes: entries.bytes },
        ]),
      ),
    }),
    metrics: () => metricsOf(cache.stats(), cache.live),
    close: () => replica.close(),
  }
  return cache
}

/** A key without a definition holds what its callers load into it. */
const loadedBy = <V>(_load: Load<string, V>, value: unknown): value is V => value !== undefined

function checkNames(names: readonly string[]): void {
  const wrong = names.find((name) => cacheOf(name) === undefined || !name.isWellFormed())
  if (wrong === undefined) return
  throw new DefinitionError(`${JSON.stringify(wrong)} is not the name of an entry, such as books:v1:42`)
}
