import { LRUCache } from 'lru-cache'

/** An entry in L1: the value itself, never a copy, so treat it as read-only. */
export interface L1Entry<V> {
  /** Undefined: the source is known not to have it. */
  readonly value: V | undefined
  /** On the monotonic clock. */
  readonly freshUntil: number
}

/** A read of L2 or of the source, under way for one id. */
export interface Flight<R> {
  readonly promise: Promise<R>
  /** An invalidation overtook it: those who wait get its result, but it is not stored and nobody joins any more. */
  voided: boolean
}

/** What an invalidation does to a region, whatever its entries hold. */
export interface Evictable {
  evict(id: string): void
  evictAll(): void
}

/**
 * What one process knows of one named cache: the entries in its L1 and the reads under way.
 *
 * An eviction voids the flight of its id before anything else can look at it. So no result of a read that began before
 * the eviction is stored after it, nor handed to a caller who came after it. Nothing here waits: evictions and puts are
 * synchronous, so no two of them interleave.
 */
export class Region<V, R> implements Evictable {
  readonly flights = new Map<string, Flight<R>>()
  readonly #entries: LRUCache<string, L1Entry<V>>

  constructor(maxEntries: number) {
    this.#entries = new LRUCache({ max: maxEntries })
  }

  entry(id: string): L1Entry<V> | undefined {
    return this.#entries.get(id)
  }

  put(id: string, entry: L1Entry<V>): void {
    this.#entries.set(id, entry)
  }

  evict(id: string): void {
    const flight = this.flights.get(id)
    if (flight) {
      flight.voided = true
      this.flights.delete(id)
    }
    this.#entries.delete(id)
  }

  evictAll(): void {
    for (const flight of this.flights.values()) flight.voided = true
    this.flights.clear()
    this.#entries.clear()
  }
}
