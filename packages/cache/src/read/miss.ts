import type { Found, Grant } from '../tiers/l2.ts'
import { Fallback, type Stale } from './fallback.ts'
import { type Degraded, fresh, type Reading } from './flight.ts'
import type { ReaderOptions } from './reader.ts'
import type { Trip } from './trip.ts'
import type { Waiter } from './waiters.ts'

/** How long a reader waits at a time for a load elsewhere, should the word of it be lost: from, up to, in ms. */
const POLL_FROM = 100
const POLL_UP_TO = 250
/** How often a load that was waited for may be overtaken before the reader loads by itself, for himself. */
const MAX_LOST = 3
/** How often another entry than the one expected may turn up before the reader loads by itself. */
const MAX_LOOKS = 5

/** The way of a flight that L2 did not answer: the fill lease, the source, and back into both tiers. */
export class Miss<K, V> {
  readonly #options: ReaderOptions<K, V>
  readonly #fallback: Fallback<K, V>
  readonly #answer: (trip: Trip<K, V>, found: Found) => Reading<V> | undefined

  /** @param answer what is told of an entry that has turned up; undefined when it cannot be served */
  constructor(
    options: ReaderOptions<K, V>,
    answer: (trip: Trip<K, V>, found: Found) => Reading<V> | undefined,
  ) {
    this.#options = options
    this.#fallback = new Fallback(options)
    this.#answer = answer
  }

  /** @param found what L2 said, which could not be served */
  async load(trip: Trip<K, V>, found: Found): Promise<Reading<V>> {
    const waiter = this.#options.waiters.listen(trip.name)
    try {
      return await this.#load(trip, found, waiter)
    } finally {
      waiter.end()
    }
  }

  async #load(trip: Trip<K, V>, found: Found, waiter: Waiter): Promise<Reading<V>> {
    const { policy, l2, clock, counts, keeper, token } = this.#options
    const { id, name, start } = trip
    if (keeper.bypassed(name)) return this.#unkept(trip, 'invalidating')
    const begun = clock.now()
    const giveUp = begun + policy.hardTimeout
    const softEnd = begun + policy.softTimeout
    let poll = POLL_FROM
    let lost = 0
    let rejected = start.refresh
    let stale: Stale<V> | undefined
    for (let looks = 0; looks < MAX_LOOKS; ) {
      if (found.kind === 'away') return this.#orStale(trip, stale ?? this.#fallback.ofL1(id), 'l2-away')
      if (found.kind === 'entry') {
        if (keeper.bypassed(name, found.header.tags)) return this.#unkept(trip, 'invalidating')
        stale = this.#fallback.ofL2(name, found)
      }
      if (!policy.sourced && start.load === undefined) return fresh<V>(undefined, 'source')
      if (found.kind === 'entry') rejected = found.header.identity
      if (found.kind === 'rejected') rejected = found.identity
      const leased = await l2.ask(policy.cache, { name, token: token(), rejected })
      if (leased.kind === 'granted') {
        counts.misses++
        trip.granted = true
        return this.#fallback.or(stale, id, trip, this.#fenced(trip, leased.grant))
      }
      if (leased.kind === 'uncacheable') return this.#orStale(trip, undefined, 'writing')
      if (leased.kind === 'wait') {
        if (start.refresh !== undefined && !start.patient) return this.#leaveTo(trip)
        const now = clock.now()
        if (now >= giveUp) return this.#orStale(trip, stale, 'waited')
        const served =
          now >= softEnd && stale ? this.#fallback.instead(stale, id, trip, 'load-slow') : undefined
        if (served) return served
        const patience = stale && now < softEnd ? Math.min(poll, softEnd - now) : poll
        // Waiting was for nothing. A key that is invalidated more often than its load takes would have its readers wait for ever.
        if ((await waiter.wait(patience)) === 'evicted' && ++lost >= MAX_LOST) {
          return this.#orStale(trip, undefined, 'waited')
        }
        poll = Math.min(poll * 2, POLL_UP_TO)
        found = await l2.read(policy.cache, name)
      } else {
        looks++
        found = leased
      }
      const reading = this.#answer(trip, found)
      if (reading !== undefined) return reading
    }
    return this.#orStale(trip, stale, 'waited')
  }

  /**
   * Loads and fills with the fences kept up: its readers may be served something stale before it has ended, and what is evicted
   * after that overtakes it all the same.
   */
  async #fenced(trip: Trip<K, V>, grant: Grant): Promise<Reading<V>> {
    const { fences } = this.#options.region
    fences.open()
    try {
      return await this.#loadAndFill(trip, grant)
    } finally {
      fences.close()
    }
  }

  async #loadAndFill(trip: Trip<K, V>, grant: Grant): Promise<Reading<V>> {
    const { l2, loader, keeper, clock, region, background } = this.#options
    const { key, id, name, start } = trip
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
      trip.asked = true
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
    const stored = keeper.keep(id, trip.since, name, header, value, bytes.length, clock.now())
    const voided = region.fences.voided(id, trip.since)
    background(l2.put(voided ? giveBack : { ...giveBack, bytes, lifetime }))
    // The rest of the fleet waits for it: it is sent before our own callers, who may be many, go on with theirs.
    await new Promise<void>((resolve) => clock.soon(resolve))
    return keeper.reading({ name, header, value }, 'source', clock.now(), stored)
  }

  /** A load whose result is kept nowhere; if it fails, what is stale and known not to be invalidated. */
  #orStale(trip: Trip<K, V>, stale: Stale<V> | undefined, degraded: Degraded): Promise<Reading<V>> {
    return this.#fallback.or(stale, trip.id, trip, this.#unkept(trip, degraded))
  }

  async #unkept(trip: Trip<K, V>, degraded: Degraded): Promise<Reading<V>> {
    trip.asked = true
    this.#options.counts.misses++
    return fresh(await this.#options.loader.load(trip.key, trip.name, trip.start.load), 'source', degraded)
  }

  /** Another replica loads it anew: what there is goes on being served meanwhile. */
  async #leaveTo(trip: Trip<K, V>): Promise<Reading<V>> {
    const { region, keeper, clock, l2, policy } = this.#options
    const entry = region.entries.get(trip.id)
    const now = clock.now()
    if (entry !== undefined && now < entry.view.until) {
      keeper.throttle(trip.id, 'staleUntil')
      return keeper.reading(entry, 'l1', now, true)
    }
    trip.start = { ...trip.start, refresh: undefined }
    const found = await l2.read(policy.cache, trip.name)
    return this.#answer(trip, found) ?? this.load(trip, found)
  }
}
