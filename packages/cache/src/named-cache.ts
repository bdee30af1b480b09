import type { Clock } from '@lockstep/redis'
import { entryName } from '@lockstep/redis'
import { type Duration, toMilliseconds } from '@lockstep/settings'
import { DefinitionError } from './errors.ts'
import { type Reading, valueOf } from './read/flight.ts'
import type { Keeper } from './read/keeper.ts'
import type { Load } from './read/loader.ts'
import type { Definition, Policy } from './read/policy.ts'
import type { Reader } from './read/reader.ts'
import type { CacheCounts } from './stats.ts'
import type { L2 } from './tiers/l2.ts'
import type { Region } from './tiers/region.ts'
import type { WriteToken } from './write/items.ts'
import type { Through } from './write/mutation.ts'
import type { Invalidated, Writes, Written } from './write/writes.ts'

/** How one read differs from others. */
export interface ReadOptions {
  /** Stops waiting: the promise rejects with the signal's reason. The load goes on for others, and for the cache. */
  readonly signal?: AbortSignal
  /** Of a write: nothing older than it is read. */
  readonly after?: WriteToken
}

/** Where an entry lies now, and what is known of it. */
export interface Inspection {
  readonly tier: 'l1' | 'l2' | 'none'
  /** Milliseconds since it was loaded. */
  readonly age?: number
  /** Milliseconds for which it is still fresh. */
  readonly ttl?: number
  readonly version?: number
  readonly tags?: readonly string[]
  /** The longest, in ms, that an invalidation may have gone unnoticed here. */
  readonly bound: number
  /** Whether L1 and L2 may not be used now. */
  readonly degraded: boolean
}

export interface NamedCacheParts<K, V> {
  readonly definition: Definition<K, V>
  readonly policy: Policy
  readonly region: Region<V>
  readonly reader: Reader<K, V>
  readonly keeper: Keeper<K, V>
  readonly l2: L2
  readonly clock: Clock
  readonly counts: CacheCounts
  readonly writes: Writes
}

/** One kind of entry, over both tiers. Made by `cache.define`. */
export class NamedCache<K, V> {
  /** The name with its version, `books:v1`: what each of its keys begins with. */
  readonly name: string
  readonly #parts: NamedCacheParts<K, V>
  readonly #region: Region<V>
  readonly #id: (key: K) => string | number
  readonly #now: () => number
  readonly #counts: CacheCounts

  constructor(parts: NamedCacheParts<K, V>) {
    this.name = parts.policy.cache
    this.#parts = parts
    this.#region = parts.region
    this.#id = parts.definition.key
    this.#now = parts.clock.now
    this.#counts = parts.counts
  }

  /** The name of an entry, `books:v1:42`: what goes into `cache.invalidate`, and on the channel as a plain key. */
  key(key: K): string {
    return entryName(this.name, this.#id(key))
  }

  /**
   * The value: from L1, from L2, or loaded. One load at a time for an entry in the whole fleet. Redis being away never
   * fails a read.
   *
   * @throws {LoadTimeoutError} or what the loader throws; neither is cached
   */
  get(key: K, options?: ReadOptions): Promise<V | undefined> {
    if (options !== undefined) return this.read(key, options).then(valueOf)
    let id: string | number
    try {
      id = this.#id(key)
    } catch (error) {
      return Promise.reject(error)
    }
    const entry = this.#region.entries.get(id)
    if (entry !== undefined) {
      const now = this.#now()
      if (now < entry.until && now < entry.view.until) {
        entry.visited = true
        this.#counts.l1Hits++
        return (entry.promise ??= Promise.resolve(entry.value))
      }
    }
    return this.#parts.reader.value(key, id)
  }

  /** The same as `get`, with where the value came from. */
  async read(key: K, options: ReadOptions = {}): Promise<Reading<V>> {
    const { signal, after } = options
    signal?.throwIfAborted()
    const reading = after === undefined ? this.#read(key) : this.#readAfter(key, after)
    return signal ? abortable(reading, signal) : reading
  }

  /** What L1 holds now, if it may be served; undefined otherwise. */
  peek(key: K): V | undefined {
    const entry = this.#region.entries.get(this.#id(key))
    if (entry === undefined) return undefined
    const now = this.#now()
    if (now >= entry.until || now >= entry.view.until) return undefined
    entry.visited = true
    this.#counts.l1Hits++
    return entry.value
  }

  /** The same as `peek`, with what is known of the entry. */
  peekReading(key: K): Reading<V> | undefined {
    const entry = this.#region.entries.get(this.#id(key))
    if (entry === undefined) return undefined
    const now = this.#now()
    if (now >= entry.until || now >= entry.view.until) return undefined
    entry.visited = true
    this.#counts.l1Hits++
    return this.#parts.keeper.reading(entry, 'l1', now, true)
  }

  /** Many at once, in the order of the keys: one look at L2, and one load for all that it lacks. */
  async getMany(keys: readonly K[]): Promise<(V | undefined)[]> {
    const { entries } = this.#region
    const now = this.#now()
    const missing: K[] = []
    const ids: (string | number)[] = []
    const places: number[] = []
    const values: (V | undefined)[] = []
    for (const key of keys) {
      const id = this.#id(key)
      const entry = entries.get(id)
      if (entry !== undefined && now < entry.until && now < entry.view.until) {
        entry.visited = true
        this.#counts.l1Hits++
        values.push(entry.value)
      } else {
        missing.push(key)
        ids.push(id)
        places.push(values.length)
        values.push(undefined)
      }
    }
    if (missing.length === 0) return values
    const read = await this.#parts.reader.readMany(missing, ids)
    if (missing.length === keys.length) return read
    for (const [index, at] of places.entries()) values[at] = read[index]
    return values
  }

  /** Loads it anew, whatever there is. @throws as `get` */
  async refresh(key: K): Promise<V | undefined> {
    return (await this.#parts.reader.refresh(key, this.#id(key))).value
  }

  /** Keeps an entry with a sliding expiry alive, as reading it would; it never makes one. */
  touch(key: K): void {
    const { l2, policy } = this.#parts
    const entry = this.#region.entries.get(this.#id(key))
    const left = entry ? entry.header.errorUntil - entry.view.serverTime() : policy.sliding
    const lifetime = Math.ceil(Math.min(policy.sliding, left))
    if (lifetime > 0) l2.touch(this.key(key), lifetime)
  }

  /** Reads, or loads with another loader than the definition's. */
  getOrLoad(
    key: K,
    load: Load<K, V>,
    how: { ttl?: Duration; tags?: readonly string[] } = {},
  ): Promise<V | undefined> {
    const id = this.#id(key)
    const entry = this.#region.entries.get(id)
    const now = this.#now()
    if (entry !== undefined && now < entry.until && now < entry.view.until) {
      entry.visited = true
      this.#counts.l1Hits++
      return (entry.promise ??= Promise.resolve(entry.value))
    }
    const ttl = how.ttl === undefined ? undefined : toMilliseconds(how.ttl, `${this.name} ttl`)
    return this.#parts.reader.value(key, id, { load, ttl, tags: how.tags })
  }

  /**
   * Writes a value through, after it was committed. In a cache with a loader only with a version (given, or by
   * `versionOf`), and only over an older version; otherwise it invalidates, and the next reader loads. Nothing older than
   * what is stored ever replaces it. In a cache without a loader it always stores.
   */
  async set(key: K, value: V, options: { version?: number } = {}): Promise<Written> {
    const { definition, policy, writes } = this.#parts
    const version = options.version ?? definition.versionOf?.(value)
    const { sourced } = policy
    if (sourced && version === undefined) {
      return { ...(await this.invalidate(key)), result: 'invalidated' }
    }
    return writes.set(this.through(key, value, version), sourced ? version : undefined)
  }

  /** What `mutate` stores when its work has ended. */
  through(key: K, value: V, version?: number): Through {
    const name = this.key(key)
    return {
      name,
      encode: (grant, now) => this.#parts.keeper.encode(name, { key, value, loadMs: 0, version }, grant, now),
    }
  }

  /** Evicts an entry in every replica and in Redis. Call it after the commit. Never rejects: see `Invalidated`. */
  invalidate(key: K): Promise<Invalidated> {
    return this.#parts.writes.invalidate([`k:${this.key(key)}`])
  }

  /** Evicts all entries of this cache, in every replica and in Redis, whatever their number, in one step. */
  clear(): Promise<Invalidated> {
    return this.#parts.writes.invalidate([`c:${this.name}`])
  }

  /** Where the entry lies, without moving it, loading it or counting a hit. */
  async inspect(key: K): Promise<Inspection> {
    const { region, l2, clock, policy } = this.#parts
    const name = this.key(key)
    const view = l2.viewOf(name)
    const entry = region.entries.get(this.#id(key))
    const lives = entry !== undefined && view.leased && view.serverTime() < entry.header.errorUntil
    const l1 = lives ? entry.header : undefined
    const found = l1 ? undefined : await l2.read(policy.cache, name)
    const header = l1 ?? (found?.kind === 'entry' ? found.header : undefined)
    const bound = Math.max(0, clock.now() - view.lastKnown)
    const degraded = !view.leased
    if (header === undefined) return { tier: 'none', bound, degraded }
    const time = view.serverTime()
    return {
      tier: l1 ? 'l1' : 'l2',
      age: Math.max(0, time - header.created),
      ttl: header.freshUntil - time,
      ...(header.version === undefined ? {} : { version: header.version }),
      tags: header.tags,
      bound,
      degraded,
    }
  }

  #read(key: K): Promise<Reading<V>> {
    const { reader, keeper } = this.#parts
    const id = this.#id(key)
    const entry = this.#region.entries.get(id)
    const now = this.#now()
    if (entry === undefined || now >= entry.until || now >= entry.view.until) return reader.read(key, id)
    entry.visited = true
    this.#counts.l1Hits++
    return Promise.resolve(keeper.reading(entry, 'l1', now, true))
  }

  async #readAfter(key: K, token: WriteToken): Promise<Reading<V>> {
    const reached = await this.#parts.writes.reach(token)
    if (reached === 'invalid')
      throw new DefinitionError(`${JSON.stringify(token)} is not the token of a write`)
    return reached === 'away' ? this.#parts.reader.readSource(key, this.#id(key)) : this.#read(key)
  }
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
