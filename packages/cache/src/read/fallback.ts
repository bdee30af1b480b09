import type { Clock } from '@lockstep/redis'
import type { EntryHeader } from '../codec/entry.ts'
import type { CacheCounts } from '../stats.ts'
import type { FoundEntry, L2 } from '../tiers/l2.ts'
import type { Id, Region } from '../tiers/region.ts'
import type { Pending } from '../write/pending.ts'
import type { Degraded, Flight, Reading } from './flight.ts'
import { type Keeper, UNREADABLE } from './keeper.ts'
import type { Policy } from './policy.ts'

/** What may be served if a load fails or is slow. */
export interface Stale<V> {
  readonly name: string
  readonly header: EntryHeader
  readonly value: V | undefined
  /** Whether it may be served although nobody can know that it was not invalidated. */
  readonly unleased: boolean
}

export interface FallbackOptions<K, V> {
  readonly policy: Policy
  readonly region: Region<V>
  readonly keeper: Keeper<K, V>
  readonly l2: L2
  readonly pending: Pending
  readonly clock: Clock
  readonly counts: CacheCounts
  readonly background: (work: Promise<unknown>) => void
}

/**
 * What is served when the source is not: stale-if-error, softTimeout, staleWhenAway. Expired is not invalidated: what was
 * invalidated is never served, however the load went.
 */
export class Fallback<K, V> {
  readonly #options: FallbackOptions<K, V>

  constructor(options: FallbackOptions<K, V>) {
    this.#options = options
  }

  /** An expired entry of L2, if its definition keeps it for such a case. */
  ofL2(name: string, found: FoundEntry): Stale<V> | undefined {
    const { l2, keeper } = this.#options
    const { header } = found
    if (l2.viewOf(name).serverTime() >= header.errorUntil) return undefined
    const value = keeper.decode(name, found)
    return value === UNREADABLE ? undefined : { name, header, value, unleased: false }
  }

  /** What L1 held when its lease ended: by choice of the definition, better than nothing. */
  ofL1(id: Id): Stale<V> | undefined {
    const { region, clock, policy } = this.#options
    const entry = region.entries.get(id)
    if (entry === undefined) return undefined
    const { view, header } = entry
    if (clock.now() - view.lastKnown >= policy.staleWhenAway) return undefined
    if (view.serverTime() >= header.errorUntil) return undefined
    return { name: entry.name, header: entry.header, value: entry.value, unleased: true }
  }

  /** The loaded value, or the stale one when the load fails or takes longer than the softTimeout. */
  async or(
    stale: Stale<V> | undefined,
    id: Id,
    flight: Flight<V>,
    loading: Promise<Reading<V>>,
  ): Promise<Reading<V>> {
    if (stale === undefined) return loading
    const { clock, policy, keeper, background } = this.#options
    const safe = loading.catch((error: unknown) => {
      keeper.throttle(id, 'errorUntil')
      const reading = this.instead(stale, id, flight, 'load-failed')
      if (reading === undefined) throw error
      return reading
    })
    if (!Number.isFinite(policy.softTimeout)) return safe
    const soft = Promise.withResolvers<Reading<V>>()
    const cancel = clock.after(policy.softTimeout, () => {
      const reading = this.instead(stale, id, flight, 'load-slow')
      if (reading) soft.resolve(reading)
    })
    background(safe.finally(cancel))
    return Promise.race([safe, soft.promise])
  }

  /** The stale value; undefined when it may have been invalidated since the flight began. */
  instead(stale: Stale<V>, id: Id, flight: Flight<V>, degraded: Degraded): Reading<V> | undefined {
    if (!this.#usable(stale, id, flight)) return undefined
    const { counts, keeper, clock } = this.#options
    counts.staleHits++
    const from = stale.unleased ? 'l1' : 'l2'
    return keeper.reading(stale, from, clock.now(), stale.unleased, degraded)
  }

  #usable({ name, header, unleased }: Stale<V>, id: Id, flight: Flight<V>): boolean {
    const { region, l2, policy, pending } = this.#options
    const view = l2.viewOf(name)
    const coverable = { name, cache: policy.cache, tags: header.tags }
    if (region.fences.voided(id, flight.since)) return false
    if (pending.key(name, policy.cache) || pending.covers(coverable)) return false
    return unleased || (view.leased && view.fresh(coverable, header.incarnation, header.seq))
  }
}
