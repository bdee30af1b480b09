import type { Clock } from '@lockstep/redis'
import { entryName } from '@lockstep/redis'
import type { EntryHeader } from '../codec/entry.ts'
import { DefinitionError } from '../errors.ts'
import type { Guards } from '../protocol/guards.ts'
import type { CacheCounts } from '../stats.ts'
import type { Found, Grant, L2 } from '../tiers/l2.ts'
import type { Id, L1Entry, Region } from '../tiers/region.ts'
import type { Pending } from '../write/pending.ts'
import { Fallback, type Stale } from './fallback.ts'
import type { Degraded, Flight, Reading } from './flight.ts'
import type { Keeper } from './keeper.ts'
import type { Load, Loader } from './loader.ts'
import type { Policy } from './policy.ts'
import type { Waiters } from './waiters.ts'

/** How long a reader waits at a time for a load elsewhere, should the word of it be lost: from, up to, in ms. */
const POLL_FROM = 20
const POLL_UP_TO = 250
/** How often a load that was waited for may be overtaken before the reader loads by itself, for himself. */
const MAX_LOST = 3
/** How often another entry than the one expected may turn up before the reader loads by itself. */
const MAX_LOOKS = 5

/** What a read may be told besides its key. */
export interface How<K, V> {
  /** Instead of the definition's. */
  readonly load?: Load<K, V> | undefined
  readonly ttl?: number | undefined
  readonly tags?: readonly string[] | undefined
}

interface Start<K, V> extends How<K, V> {
  /** What L2 has already said. */
  readonly found?: Found | undefined
  /** Load it anew: the entry of this identity counts as absent. */
  readonly refresh?: string | undefined
  /** Whether somebody waits for the new value, also if another replica is loading it. */
  readonly patient?: boolean
}

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

/**
 * The way of a read past L1: one flight an entry, through L2, the fill lease, the source, and back into both tiers.
 *
 * **Who joins.** A flight may be joined while it is not voided (an eviction takes it off the list), is younger than T, and
 * cannot yet have read the source, or reads it under a fill lease while L1 is leased: then any invalidation that counts
 * would have voided it. Whoever comes too late to join waits for its end and shares the next one. So there is one load of
 * an entry at a time in a process even when Redis is away, and still nobody gets a value older than his question.
 */
export class Reader<K, V> {
  readonly #options: ReaderOptions<K, V>
  readonly #fallback: Fallback<K, V>

  constructor(options: ReaderOptions<K, V>) {
    this.#options = options
    this.#fallback = new Fallback(options)
  }

  /** For an id that L1 does not simply answer. */
  read(key: K, id: Id, how: How<K, V> = {}): Promise<Reading<V>> {
    return this.#late(key, id, how) ?? this.#join(key, id, how).promise
  }

  /** The values of many, with one command for L2. In the order of the ids. */
  async readMany(keys: readonly K[], ids: readonly Id[]): Promise<(V | undefined)[]> {
    const { region, l2, policy, clock } = this.#options
    const since = region.fences.open()
    try {
      const names = ids.map((id) => this.#name(id))
      const all = await l2.readMany(policy.cache, names)
      const now = clock.now()
      const others: Promise<unknown>[] = []
      const values = keys.map((key, at) => {
        const id = ids[at] ?? ''
        const found = all[at]
        const served = found?.kind === 'entry' && this.#serve(key, id, since, names[at] ?? '', found, now, {})
        if (served) return served.value
        // An entry that could not be served just now may be invalidated by the time that a flight would look at it.
        const joined = this.#join(key, id, found?.kind === 'entry' ? {} : { found }).promise
        others.push(joined.then(({ value }) => void (values[at] = value)))
        return undefined
      })
      if (others.length > 0) await Promise.all(others)
      return values
    } finally {
      region.fences.close()
    }
  }

  /** Loads anew whatever there is, and waits for it. */
  async refresh(key: K, id: Id): Promise<Reading<V>> {
    const { l2, policy } = this.#options
    const found = await l2.read(policy.cache, this.#name(id))
    const identity = found.kind === 'entry' ? found.header.identity : undefined
    return this.#start(key, id, identity === undefined ? { found } : { refresh: identity, patient: true })
      .promise
  }

  /** From the source, past everything: when nobody can say what the caches know. */
  async readSource(key: K, id: Id): Promise<Reading<V>> {
    const { counts, loader, policy } = this.#options
    counts.misses++
    return fresh(await loader.load(key, entryName(policy.cache, id)), 'source', 'l2-away')
  }

  /** An entry of L1 whose time to be looked at has come, and that can be served all the same. */
  #late(key: K, id: Id, how: How<K, V>): Promise<Reading<V>> | undefined {
    const { region, clock, counts } = this.#options
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
    if (!region.flights.has(id)) {
      this.#options.background(this.#start(key, id, { ...how, refresh: identity }).promise)
    }
    return Promise.resolve(this.#fromL1(entry, now))
  }

  #fromL1(entry: L1Entry<V>, now: number): Reading<V> {
    return this.#options.keeper.reading(entry, 'l1', now, true)
  }

  #join(key: K, id: Id, start: Start<K, V>): Flight<V> {
    const under = this.#options.region.flights.get(id)
    if (under === undefined) return this.#start(key, id, start)
    if (this.#joinable(under, id)) return under
    under.next ??= this.#start(key, id, start, under)
    return under.next
  }

  #joinable(flight: Flight<V>, id: Id): boolean {
    const { clock, maxStaleness, guards, l2, policy } = this.#options
    if (!guards.joinAge) return true
    if (clock.now() - flight.begun >= maxStaleness) return false
    return !flight.asked || (flight.granted && l2.viewOf(entryName(policy.cache, id)).leased)
  }

  /** @param after the flight that must have ended before this one begins */
  #start(key: K, id: Id, start: Start<K, V>, after?: Flight<V>): Flight<V> {
    const promise = after
      ? after.promise.then(
          () => this.#run(key, id, flight, start),
          () => this.#run(key, id, flight, start),
        )
      : NOT_YET
    const begun = Number.POSITIVE_INFINITY
    const flight: Flight<V> = { since: 0, begun, asked: false, granted: false, promise, next: undefined }
    this.#options.region.flights.set(id, flight)
    if (!after) flight.promise = this.#run(key, id, flight, start)
    return flight
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

  async #run(key: K, id: Id, flight: Flight<V>, start: Start<K, V>): Promise<Reading<V>> {
    const { region, clock, policy, l2 } = this.#options
    let fenced = false
    try {
      const name = this.#name(id)
      // A flight that waits for a first lease begins with it: adopting a history voids what began before.
      if (!l2.viewOf(name).leased) await l2.shardOf(name).ensure()
      flight.begun = clock.now()
      flight.since = region.fences.open()
      fenced = true
      if (start.found !== undefined || start.refresh !== undefined || this.#bypassed(name)) {
        return await this.#fly(key, id, flight, start)
      }
      // Nearly every flight ends with its first look.
      const found = await l2.read(policy.cache, name)
      const now = clock.now()
      const served = found.kind === 'entry' && this.#serve(key, id, flight.since, name, found, now, start)
      if (served && found.kind === 'entry') return this.#readingOf(name, found.header, served, 'l2', now)
      return await this.#fly(key, id, flight, { ...start, found })
    } finally {
      if (fenced) region.fences.close()
      if (region.flights.get(id) === flight) region.flights.delete(id)
    }
  }

  async #fly(key: K, id: Id, flight: Flight<V>, start: Start<K, V>): Promise<Reading<V>> {
    const { policy, l2, clock, waiters, counts, token } = this.#options
    const name = entryName(policy.cache, id)
    if (this.#bypassed(name)) return this.#unkept(key, name, flight, start, 'invalidating')
    const giveUp = clock.now() + policy.hardTimeout
    let poll = POLL_FROM
    let lost = 0
    let rejected = start.refresh
    let stale: Stale<V> | undefined
    let found: Found = start.found ?? (rejected === undefined ? await l2.read(policy.cache, name) : NOTHING)
    for (let looks = 0; looks < MAX_LOOKS; ) {
      if (found.kind === 'away') {
        return this.#orStale(key, id, flight, start, stale ?? this.#fallback.ofL1(id), 'l2-away')
      }
      if (found.kind === 'entry') {
        if (this.#bypassed(name, found.header.tags)) {
          return this.#unkept(key, name, flight, start, 'invalidating')
        }
        // What is to be loaded anew is not what a refresh waits for.
        const anew = found.header.identity === start.refresh
        const now = clock.now()
        const served = !anew && this.#serve(key, id, flight.since, name, found, now, start)
        if (served) return this.#readingOf(name, found.header, served, 'l2', now)
        stale = this.#fallback.ofL2(name, found)
      }
      if (!policy.sourced && start.load === undefined) return fresh<V>(undefined, 'source')
      if (found.kind === 'entry') rejected = found.header.identity
      if (found.kind === 'rejected') rejected = found.identity
      const leased = await l2.ask(policy.cache, { name, token: token(), rejected })
      if (leased.kind === 'granted') {
        counts.misses++
        return this.#granted(key, id, flight, start, leased.grant, stale)
      }
      if (leased.kind === 'uncacheable') return this.#orStale(key, id, flight, start, undefined, 'writing')
      if (leased.kind !== 'wait') {
        looks++
        found = leased
        continue
      }
      if (start.refresh !== undefined && !start.patient) return this.#leaveTo(key, id, flight, start)
      if (clock.now() >= giveUp) return this.#orStale(key, id, flight, start, stale, 'waited')
      // Waiting was for nothing. A key that is invalidated more often than its load takes would have its readers wait for ever.
      if ((await waiters.wait(name, poll)) === 'evicted' && ++lost >= MAX_LOST) {
        return this.#orStale(key, id, flight, start, undefined, 'waited')
      }
      poll = Math.min(poll * 2, POLL_UP_TO)
      found = await l2.read(policy.cache, name)
    }
    return this.#orStale(key, id, flight, start, stale, 'waited')
  }

  /** An entry of L2 that can be served, put into L1; and loaded anew behind the reader's back when it is time. */
  #serve(
    key: K,
    id: Id,
    since: number,
    name: string,
    found: Extract<Found, { kind: 'entry' }>,
    now: number,
    how: How<K, V>,
  ): { value: V | undefined; stored: boolean } | undefined {
    const { l2, counts, keeper } = this.#options
    const { header, bytes } = found
    const time = l2.viewOf(name).serverTime(now)
    if (time >= header.staleUntil) return undefined
    if (this.#bypassed(name, header.tags)) return undefined
    const decoded = keeper.decode(name, found)
    if (decoded === undefined) return undefined
    const { value } = decoded
    counts.l2Hits++
    if (header.sliding > 0) l2.touch(name, Math.ceil(Math.min(header.sliding, header.errorUntil - time)))
    const stored = keeper.keep(id, since, name, header, value, bytes.length, now)
    if (time >= header.freshUntil) {
      counts.staleHits++
      this.#refreshLater(key, id, { load: how.load, ttl: how.ttl, tags: how.tags, refresh: header.identity })
    }
    return { value, stored }
  }

  #readingOf(
    name: string,
    header: EntryHeader,
    { value, stored }: { value: V | undefined; stored: boolean },
    from: Reading<V>['from'],
    now: number,
  ): Reading<V> {
    return this.#options.keeper.reading({ name, header, value }, from, now, stored)
  }

  /** When the flight that found it stale has landed. */
  #refreshLater(key: K, id: Id, start: Start<K, V>): void {
    const { region, clock, background } = this.#options
    clock.soon(() => {
      if (!region.flights.has(id)) background(this.#start(key, id, start).promise)
    })
  }

  async #granted(
    key: K,
    id: Id,
    flight: Flight<V>,
    start: Start<K, V>,
    grant: Grant,
    stale: Stale<V> | undefined,
  ): Promise<Reading<V>> {
    flight.granted = true
    return this.#fallback.or(stale, id, flight, this.#loadAndFill(key, id, flight, start, grant))
  }

  async #loadAndFill(
    key: K,
    id: Id,
    flight: Flight<V>,
    start: Start<K, V>,
    grant: Grant,
  ): Promise<Reading<V>> {
    const { policy, l2, loader, keeper, clock, region, background } = this.#options
    const name = entryName(policy.cache, id)
    const giveBack = {
      name,
      token: grant.token,
      incarnation: grant.incarnation,
      bytes: undefined,
      lifetime: 0,
    }
    const begun = clock.now()
    const renewing = l2.renewing(name, grant.token)
    let value: V | undefined
    try {
      flight.asked = true
      value = await loader.load(key, name, start.load)
    } catch (error) {
      background(l2.put(giveBack))
      keeper.throttle(id, 'errorUntil')
      throw error
    } finally {
      renewing.end()
    }
    const loadMs = clock.now() - begun
    const now = l2.viewOf(name).serverTime()
    const encoded = keeper.encode(name, { key, value, loadMs, ttl: start.ttl, tags: start.tags }, grant, now)
    if (encoded === undefined) {
      background(l2.put(giveBack))
      return fresh(value, 'source')
    }
    const { header, bytes, lifetime } = encoded
    const stored = keeper.keep(id, flight.since, name, header, value, bytes.length, clock.now())
    const voided = region.fences.voided(id, flight.since)
    background(l2.put(voided ? giveBack : { ...giveBack, bytes, lifetime }))
    return this.#readingOf(name, header, { value, stored }, 'source', clock.now())
  }

  /** A load whose result is kept nowhere; if it fails, what is stale and known not to be invalidated. */
  #orStale(
    key: K,
    id: Id,
    flight: Flight<V>,
    start: Start<K, V>,
    stale: Stale<V> | undefined,
    degraded: Degraded,
  ): Promise<Reading<V>> {
    const name = entryName(this.#options.policy.cache, id)
    return this.#fallback.or(stale, id, flight, this.#unkept(key, name, flight, start, degraded))
  }

  async #unkept(
    key: K,
    name: string,
    flight: Flight<V>,
    start: Start<K, V>,
    degraded: Degraded,
  ): Promise<Reading<V>> {
    flight.asked = true
    this.#options.counts.misses++
    return fresh(await this.#options.loader.load(key, name, start.load), 'source', degraded)
  }

  /** Another replica loads it anew: what there is goes on being served meanwhile. */
  async #leaveTo(key: K, id: Id, flight: Flight<V>, start: Start<K, V>): Promise<Reading<V>> {
    const { region, keeper, clock } = this.#options
    const entry = region.entries.get(id)
    const now = clock.now()
    if (entry === undefined || now >= entry.view.until) {
      return this.#fly(key, id, flight, { ...start, refresh: undefined })
    }
    keeper.throttle(id, 'staleUntil')
    return this.#fromL1(entry, now)
  }

  /** @param tags of the entry, once they are known */
  #bypassed(name: string, tags: readonly string[] = []): boolean {
    const { guards, pending, policy } = this.#options
    if (!guards.bypass || pending.none) return false
    return pending.key(name, policy.cache) || pending.covers({ name, cache: policy.cache, tags })
  }
}

const NOTHING: Found = { kind: 'nothing' }
/** Stands for the promise of a flight until it has begun, a moment later. */
const NOT_YET = new Promise<never>(() => {})

function fresh<V>(value: V | undefined, from: 'source', degraded?: Degraded): Reading<V> {
  const reading = { value, from, age: 0, ttl: 0, stale: false, stored: false, bound: 0 }
  return degraded === undefined ? reading : { ...reading, degraded }
}
