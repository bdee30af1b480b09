import type { Clock } from '@lockstep/redis'
import { entryName } from '@lockstep/redis'
import { DefinitionError } from '../errors.ts'
import type { Guards } from '../protocol/guards.ts'
import type { CacheCounts } from '../stats.ts'
import type { Found, FoundEntry, L2 } from '../tiers/l2.ts'
import type { Id, Region } from '../tiers/region.ts'
import type { Pending } from '../write/pending.ts'
import { type Flight, fresh, type Reading, valueOf } from './flight.ts'
import { type Keeper, UNREADABLE } from './keeper.ts'
import type { Loader } from './loader.ts'
import { Miss } from './miss.ts'
import type { Policy } from './policy.ts'
import { type How, type Start, Trip } from './trip.ts'
import type { Waiters } from './waiters.ts'

export interface ReaderOptions<K, V> {
  readonly policy: Policy
  readonly region: Region<V>
  readonly keeper: Keeper<K, V>
  readonly loader: Loader<K, V>
  readonly l2: L2
  readonly waiters: Waiters
  readonly pending: Pending
  readonly clock: Clock
  readonly guards: Guards
  readonly counts: CacheCounts
  readonly maxStaleness: number
  readonly token: () => string
  readonly background: (work: Promise<unknown>) => void
}

/** Many entries that were looked for together. */
interface Many<K> {
  readonly keys: readonly K[]
  readonly ids: readonly Id[]
  readonly names: readonly string[]
  /** What L2 has of each. */
  readonly all: readonly Found[]
  /** For which of them L2 must not be believed. */
  readonly past: readonly boolean[] | undefined
  readonly since: number
}

/**
 * The way of a read past L1: one flight an entry. It looks at L2 together with all others of its turn, and there most
 * end; what L2 cannot answer goes on as a {@link Miss}.
 *
 * **Who joins.** A flight may be joined while it is not voided (an eviction takes it off the list), is younger than T, and
 * cannot yet have read the source, or reads it under a fill lease while L1 is leased: then any invalidation that counts
 * would have voided it. Whoever comes too late to join waits for its end and shares the next one. So there is one load of
 * an entry at a time in a process even when Redis is away, and still nobody gets a value older than his question.
 */
export class Reader<K, V> {
  readonly #options: ReaderOptions<K, V>
  readonly #miss: Miss<K, V>

  /** Nearly every flight ends with its first look. */
  readonly #looked = (trip: Trip<K, V>, found: Found, now: number): void => {
    if (found.kind !== 'entry') return this.#goOn(trip, found)
    let served: Served<V>
    try {
      served = this.#served(trip, found, now)
    } catch (error) {
      // Others are still to be told of theirs.
      return this.#land(trip, Promise.reject(error))
    }
    if (served === UNSERVED) return this.#goOn(trip, found)
    if (trip.toTell) return this.#land(trip, this.#reading(trip, found, served, now))
    this.#leave(trip)
    trip.endWith(served)
  }

  constructor(options: ReaderOptions<K, V>) {
    this.#options = options
    this.#miss = new Miss(options, (trip, found) => this.#answer(trip, found))
  }

  /** For an id that L1 does not simply answer. */
  read(key: K, id: Id, how: How<K, V> = SIMPLY): Promise<Reading<V>> {
    try {
      return this.#late(key, id, how) ?? this.#join(key, id, how).promise
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The same without where it came from. */
  value(key: K, id: Id, how: How<K, V> = SIMPLY): Promise<V | undefined> {
    try {
      return this.#late(key, id, how)?.then(valueOf) ?? this.#join(key, id, how).value
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The values of many, with one command for L2. In the order of the ids. */
  async readMany(keys: readonly K[], ids: readonly Id[]): Promise<(V | undefined)[]> {
    const { region, l2, policy, pending } = this.#options
    const since = region.fences.open()
    try {
      // No function made for the purpose: code compiled for it would not survive the next large collection.
      const names: string[] = []
      for (const id of ids) names.push(this.#name(id))
      // A write of ours may have ended by the time that L2 has answered. Flights know what they began in.
      const past = pending.none
        ? undefined
        : names.map((name) => pending.grouped || pending.key(name, policy.cache))
      const all = await l2.readMany(policy.cache, names)
      const values: (V | undefined)[] = []
      const others = this.#serveMany({ keys, ids, names, all, past, since }, values)
      if (others.length > 0) await Promise.all(others)
      return values
    } finally {
      region.fences.close()
    }
  }

  /** Puts into `values` what L2 has; what it has not will be there when the promises have resolved. */
  #serveMany({ keys, ids, names, all, past, since }: Many<K>, values: (V | undefined)[]): Promise<void>[] {
    const now = this.#options.clock.now()
    const others: Promise<void>[] = []
    let at = 0
    for (const key of keys) {
      const place = at++
      const id = ids[place] ?? ''
      const found = past?.[place] ? undefined : all[place]
      const entry = found?.kind === 'entry' ? found : undefined
      const served = entry ? this.#serve(key, id, since, names[place] ?? '', entry, now, SIMPLY) : UNSERVED
      values.push(served === UNSERVED ? undefined : served)
      if (served !== UNSERVED) continue
      // An entry that could not be served just now may be invalidated by the time that a flight would look at it.
      const joined = this.#join(key, id, SIMPLY, entry ? undefined : found).value
      others.push(joined.then((value) => void (values[place] = value)))
    }
    return others
  }

  /** Loads anew whatever there is, and waits for it. */
  async refresh(key: K, id: Id): Promise<Reading<V>> {
    const { l2, policy } = this.#options
    const found = await l2.read(policy.cache, this.#name(id))
    return found.kind === 'entry'
      ? this.#start(key, id, { refresh: found.header.identity, patient: true }).promise
      : this.#start(key, id, {}, found).promise
  }

  /** From the source, past everything: when nobody can say what the caches know. */
  async readSource(key: K, id: Id): Promise<Reading<V>> {
    const { counts, loader, policy } = this.#options
    counts.misses++
    return fresh(await loader.load(key, entryName(policy.cache, id)), 'source', 'l2-away')
  }

  /** An entry of L1 whose time to be looked at has come, and that can be served all the same. */
  #late(key: K, id: Id, how: How<K, V>): Promise<Reading<V>> | undefined {
    const { region, clock, counts, keeper, background } = this.#options
    const entry = region.entries.get(id)
    if (entry === undefined) return undefined
    const now = clock.now()
    if (now >= entry.view.until) return undefined
    const time = entry.view.serverTime(now)
    const { freshUntil, staleUntil, sliding, identity } = entry.header
    // Only L2 knows whether a sliding life still lasts, and it is to hear of this read.
    if (time >= staleUntil || sliding > 0) return undefined
    entry.visited = true
    counts.l1Hits++
    if (time >= freshUntil) counts.staleHits++
    if (!region.flights.has(id)) background(this.#start(key, id, { ...how, refresh: identity }).promise)
    return Promise.resolve(keeper.reading(entry, 'l1', now, true))
  }

  /** @param found what L2 has already said */
  #join(key: K, id: Id, start: Start<K, V>, found?: Found): Flight<V> {
    const under = this.#options.region.flights.get(id)
    if (under === undefined) return this.#start(key, id, start, found)
    if (this.#joinable(under)) return under
    under.next ??= this.#start(key, id, start, found, under)
    return under.next
  }

  #joinable(flight: Flight<V>): boolean {
    const { clock, maxStaleness, guards, l2 } = this.#options
    if (!guards.joinAge) return true
    if (clock.now() - flight.begun >= maxStaleness) return false
    return !flight.asked || (flight.granted && l2.viewOf(flight.name).leased)
  }

  /**
   * @param found what L2 has already said
   * @param after the flight that must have ended before this one begins
   */
  #start(key: K, id: Id, start: Start<K, V>, found?: Found, after?: Flight<V>): Flight<V> {
    const { region, policy } = this.#options
    const trip = new Trip(policy.cache, this.#name(id), key, id, start, this.#looked)
    region.flights.set(id, trip)
    if (after) {
      const then = () => this.#whenLeased(trip, found)
      after.promise.then(then, then)
    } else this.#whenLeased(trip, found)
    return trip
  }

  /** A flight that waits for a first lease begins with it: adopting a history voids what began before. */
  #whenLeased(trip: Trip<K, V>, found: Found | undefined): void {
    const shard = this.#options.l2.shardOf(trip.name)
    if (shard.view.leased) this.#begin(trip, found)
    else void shard.ensure().then(() => this.#begin(trip, found))
  }

  #begin(trip: Trip<K, V>, found: Found | undefined): void {
    const { region, clock, l2, keeper } = this.#options
    trip.begun = clock.now()
    trip.since = region.fences.open()
    if (found !== undefined) return this.#goOn(trip, found)
    if (trip.start.refresh !== undefined || keeper.bypassed(trip.name)) return this.#goOn(trip, NOTHING)
    l2.look(trip)
  }

  #goOn(trip: Trip<K, V>, found: Found): void {
    const loading = this.#miss.load(trip, found)
    const land = () => this.#land(trip, loading)
    loading.then(land, land)
  }

  #land(trip: Trip<K, V>, reading: Reading<V> | Promise<Reading<V>>): void {
    this.#leave(trip)
    trip.end(reading)
  }

  /** Nobody joins it any more. */
  #leave(trip: Trip<K, V>): void {
    const { fences, flights } = this.#options.region
    fences.close()
    if (flights.get(trip.id) === trip) flights.delete(trip.id)
  }

  /** @throws {DefinitionError} when the id would share its bytes with another one */
  #name(id: Id): string {
    if (typeof id === 'string' && !id.isWellFormed()) {
      throw new DefinitionError(
        `${JSON.stringify(id)} cannot be the id of an entry: it is not well-formed text`,
      )
    }
    return entryName(this.#options.policy.cache, id)
  }

  /** What L2 has for a flight, if it can be served. */
  #answer(trip: Trip<K, V>, found: Found): Reading<V> | undefined {
    if (found.kind !== 'entry') return undefined
    const now = this.#options.clock.now()
    const served = this.#served(trip, found, now)
    return served === UNSERVED ? undefined : this.#reading(trip, found, served, now)
  }

  #served({ key, id, name, since, start }: Trip<K, V>, found: FoundEntry, now: number): Served<V> {
    // What is to be loaded anew is not what a refresh waits for.
    if (start.refresh !== undefined && found.header.identity === start.refresh) return UNSERVED
    return this.#serve(key, id, since, name, found, now, start)
  }

  #reading({ name, id }: Trip<K, V>, { header }: FoundEntry, value: V | undefined, now: number): Reading<V> {
    const { keeper, region } = this.#options
    const stored = region.entries.get(id)?.header === header
    return keeper.reading({ name, header, value }, 'l2', now, stored)
  }

  /** An entry of L2 that can be served, put into L1; and loaded anew behind the reader's back when it is time. */
  #serve(
    key: K,
    id: Id,
    since: number,
    name: string,
    found: FoundEntry,
    now: number,
    how: How<K, V>,
  ): Served<V> {
    const { l2, counts, keeper } = this.#options
    const { header, bytes } = found
    const time = l2.viewOf(name).serverTime(now)
    if (time >= header.staleUntil || keeper.bypassed(name, header.tags)) return UNSERVED
    const value = keeper.decode(name, found)
    if (value === UNREADABLE) return UNSERVED
    counts.l2Hits++
    if (header.sliding > 0) l2.touch(name, Math.ceil(Math.min(header.sliding, header.errorUntil - time)))
    keeper.keep(id, since, name, header, value, bytes.length, now)
    if (time >= header.freshUntil) {
      counts.staleHits++
      this.#refreshLater(key, id, { load: how.load, ttl: how.ttl, tags: how.tags, refresh: header.identity })
    }
    return value
  }

  /** When the flight that found it stale has landed. */
  #refreshLater(key: K, id: Id, start: Start<K, V>): void {
    const { region, clock, background } = this.#options
    clock.soon(() => {
      if (!region.flights.has(id)) background(this.#start(key, id, start).promise)
    })
  }
}

const NOTHING: Found = { kind: 'nothing' }
const SIMPLY = Object.freeze({})
/** Instead of a value: what L2 has cannot be served. */
const UNSERVED = Symbol('unserved')
type Served<V> = V | undefined | typeof UNSERVED
