import { cacheName, entryName } from '@lockstep/redis'
import { type Duration, toMilliseconds } from '@lockstep/settings'
import { DefinitionError, LoadTimeoutError } from './errors.ts'
import type { Outcome } from './invalidator.ts'
import type { Clock, Grant, Invalidation, Store, StoredEntry } from './ports.ts'
import type { Flight, Region } from './region.ts'
import type { CacheStats } from './stats.ts'

/** What a named cache holds and where it comes from. */
export interface Definition<K, V> {
  /** Lower case letters, digits and dashes, such as `books`. */
  readonly name: string
  /** Of the shape of the values: raise it when that changes, and old entries are never read. */
  readonly version: number
  /** The id of an entry: unique in this cache. */
  key(key: K): string | number
  /** Reads the source; undefined when the source does not have it, which is cached too, for `negativeTtl`. */
  load(key: K, context: { signal: AbortSignal }): Promise<V | undefined>
  /** Whether what L2 holds is of the shape that readers expect; if not, it reads as absent. */
  accepts(stored: unknown): stored is V
  /** How long an entry lives. */
  readonly ttl: Duration
  /** How long the absence of an entry is believed. Default 5 s. */
  readonly negativeTtl?: Duration
  /** Shortens each life by a random part of up to this much, so that entries filled together do not end together. Default 0.1. */
  readonly jitter?: number
  /** The longest a load may take. Default 5 s. */
  readonly hardTimeout?: Duration
  /** How many entries L1 holds. Default: that of the cache object. */
  readonly maxEntries?: number
}

/** A value and where it came from. */
export interface Reading<V> {
  /** Undefined: the source does not have it. Shared with other readers: treat it as read-only. */
  readonly value: V | undefined
  readonly from: 'l1' | 'l2' | 'source'
  /** How long it may still be served from where it was found or put, in milliseconds. */
  readonly ttl: number
  /** Whether it lies in L1 now. */
  readonly stored: boolean
  /** Why it was not put into L1, when it was not. */
  readonly bypass?: 'bus-down' | 'invalidating'
  /** Why L2 was not asked, or did not answer, when the source was. */
  readonly l2Bypass?: 'away' | 'invalidating'
}

/** What a named cache needs from the cache object that it belongs to. */
export interface Surroundings {
  readonly store: Store
  readonly clock: Clock
  readonly random: () => number
  readonly stats: CacheStats
  readonly live: () => boolean
  /** Whether this process has declared the entry, or its whole cache, stale, and Redis does not know it yet. */
  readonly fenced: (cache: string, name: string) => boolean
  readonly invalidate: (what: Invalidation) => Promise<Outcome>
  /** L2 could not do what it was asked; the read goes on. */
  readonly l2Failed: (error: unknown) => void
  /** Work that nobody waits for, until the cache is closed. */
  readonly background: (work: Promise<unknown>) => void
}

/** One kind of entry, over both tiers. Made by `cache.define`. */
export class NamedCache<K, V> {
  /** The name with its version, `books:v1`: what each of its keys begins with. */
  readonly name: string
  readonly #definition: Definition<K, V>
  readonly #region: Region<V, Reading<V>>
  readonly #around: Surroundings
  readonly #ttl: number
  readonly #negativeTtl: number
  readonly #hardTimeout: number
  readonly #jitter: number

  /** @throws {DurationError} naming the duration that is not one */
  constructor(definition: Definition<K, V>, region: Region<V, Reading<V>>, around: Surroundings) {
    this.name = cacheName(definition.name, definition.version)
    this.#definition = definition
    this.#region = region
    this.#around = around
    this.#ttl = toMilliseconds(definition.ttl, `${this.name} ttl`)
    this.#negativeTtl = toMilliseconds(definition.negativeTtl ?? '5s', `${this.name} negativeTtl`)
    this.#hardTimeout = toMilliseconds(definition.hardTimeout ?? '5s', `${this.name} hardTimeout`)
    this.#jitter = definition.jitter ?? 0.1
  }

  /** The name of an entry, `books:v1:42`: what goes into `cache.invalidate`, and on the channel as a plain key. */
  key(key: K): string {
    return entryName(this.name, this.#definition.key(key))
  }

  /**
   * The value: from L1, from L2, or loaded. Concurrent callers of a process share one load. Redis being away never fails
   * a read.
   *
   * @throws {LoadTimeoutError} or what the loader throws; neither is cached
   */
  get(key: K): Promise<V | undefined> {
    const id = String(this.#definition.key(key))
    const hit = this.#hit(id)
    return hit ? Promise.resolve(hit.value) : this.#join(key, id).then(({ value }) => value)
  }

  /** The same as `get`, with where the value came from. */
  read(key: K): Promise<Reading<V>> {
    const id = String(this.#definition.key(key))
    const hit = this.#hit(id)
    if (!hit) return this.#join(key, id)
    const ttl = hit.freshUntil - this.#around.clock.now()
    return Promise.resolve({ value: hit.value, from: 'l1', ttl, stored: true })
  }

  /** What L1 holds now, if it may be served; undefined otherwise. */
  peek(key: K): V | undefined {
    return this.#hit(String(this.#definition.key(key)))?.value
  }

  /** Evicts an entry in every replica and in Redis. Never rejects: see `Outcome`. */
  invalidate(key: K): Promise<Outcome> {
    return this.#around.invalidate({ names: [this.key(key)], caches: [] })
  }

  /** Evicts all entries of this cache, in every replica and in Redis, whatever their number, in one step. */
  clear(): Promise<Outcome> {
    return this.#around.invalidate({ names: [], caches: [this.name] })
  }

  #hit(id: string) {
    const { clock, stats } = this.#around
    const entry = this.#region.entry(id)
    if (!entry || clock.now() >= entry.freshUntil) return undefined
    stats.l1Hits++
    return entry
  }

  #join(key: K, id: string): Promise<Reading<V>> {
    const under = this.#region.flights.get(id)
    if (under) return under.promise
    const flight: Flight<Reading<V>> = {
      promise: Promise.resolve().then(() => this.#fly(key, id, flight)),
      voided: false,
    }
    this.#region.flights.set(id, flight)
    const land = () => {
      if (this.#region.flights.get(id) === flight) this.#region.flights.delete(id)
    }
    flight.promise.then(land, land)
    return flight.promise
  }

  async #fly(key: K, id: string, flight: Flight<Reading<V>>): Promise<Reading<V>> {
    const { store, stats, random } = this.#around
    const name = entryName(this.name, id)
    const fenced = this.#around.fenced(this.name, name)
    const found = fenced ? ('invalidating' as const) : await this.#try(() => store.read(this.name, name))
    if (isEntry(found) && this.#accepts(found.value)) {
      stats.l2Hits++
      const ttl = Math.min(found.expiresAt - this.#around.clock.wall(), this.#ttl)
      return this.#keep(id, flight, { value: found.value, from: 'l2', ttl })
    }
    stats.misses++
    const grant = fenced ? undefined : await this.#try(() => store.lease(this.name, name))
    const value = await this.#load(key, name)
    const life = value === undefined ? this.#negativeTtl : this.#ttl
    const ttl = life * (1 - this.#jitter * random())
    const l2 = typeof found === 'string' ? { l2Bypass: found } : {}
    const reading = this.#keep(id, flight, { value, from: 'source', ttl, ...l2 })
    if (typeof grant === 'object' && !flight.voided) this.#fill(name, grant, value, ttl)
    return reading
  }

  /** A predicate that throws has not accepted. */
  #accepts(value: unknown): value is V | undefined {
    if (value === undefined) return true
    try {
      return this.#definition.accepts(value)
    } catch {
      return false
    }
  }

  /** Puts what was read into L1, unless an invalidation has overtaken the read. One synchronous step. */
  #keep(id: string, flight: Flight<Reading<V>>, read: Omit<Reading<V>, 'stored' | 'bypass'>): Reading<V> {
    const { clock, live, stats } = this.#around
    const fenced = flight.voided || this.#around.fenced(this.name, entryName(this.name, id))
    if (fenced) stats.fenced++
    const stored = !fenced && live()
    if (stored) this.#region.put(id, { value: read.value, freshUntil: clock.now() + read.ttl })
    const bypass = fenced ? 'invalidating' : 'bus-down'
    return { ...read, stored, ...(stored ? {} : { bypass }) }
  }

  /** Fills L2 without making the reader wait for it. */
  #fill(name: string, grant: Grant, value: V | undefined, ttl: number): void {
    const { store, clock, background } = this.#around
    const entry = { value, expiresAt: clock.wall() + ttl }
    background(this.#try(() => store.fill(name, grant, entry)))
  }

  /** What L2 says, or that it is away: a cache never fails a read (requirement K6). */
  async #try<T>(call: () => Promise<T>): Promise<T | 'away'> {
    try {
      return await call()
    } catch (error) {
      this.#around.l2Failed(error)
      return 'away'
    }
  }

  async #load(key: K, name: string): Promise<V | undefined> {
    const { clock, stats } = this.#around
    const controller = new AbortController()
    const late = Promise.withResolvers<never>()
    const cancel = clock.after(this.#hardTimeout, () => {
      const error = new LoadTimeoutError(name, this.#hardTimeout)
      controller.abort(error)
      late.reject(error)
    })
    stats.loads++
    try {
      return await Promise.race([this.#definition.load(key, { signal: controller.signal }), late.promise])
    } catch (error) {
      stats.loadErrors++
      throw error
    } finally {
      cancel()
    }
  }
}

const isEntry = (found: StoredEntry | 'away' | 'invalidating' | undefined): found is StoredEntry =>
  typeof found === 'object'

/** @throws {DefinitionError} when the name could not be told apart in a key */
export function checkDefinition({
  name,
  version,
  jitter = 0,
  maxEntries = 1,
}: Definition<never, unknown>): void {
  if (RESERVED.has(name)) throw new DefinitionError(`A cache cannot be named ${name}: other keys begin so`)
  if (!(Number.isInteger(maxEntries) && maxEntries > 0)) {
    throw new DefinitionError(`The maxEntries of ${name} must be a whole number above 0, not ${maxEntries}`)
  }
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new DefinitionError(
      `A cache is named in lower case letters, digits and dashes, not ${JSON.stringify(name)}`,
    )
  }
  if (!Number.isInteger(version) || version < 0) {
    throw new DefinitionError(`The version of ${name} must be a whole number, not ${version}`)
  }
  if (!(jitter >= 0 && jitter < 1)) {
    throw new DefinitionError(`The jitter of ${name} must be from 0 up to 1, not ${jitter}`)
  }
}

/** Names that begin the keys of something else. */
const RESERVED = new Set(['lease', 'generation'])
