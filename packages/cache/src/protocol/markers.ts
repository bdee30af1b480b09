import type { Markers as StoredMarkers } from '../ports.ts'
import type { Invalidation } from './history.ts'

/** How many markers are kept; dropping one raises the floor, and with it ends every entry that is older. */
export const MAX_MARKERS = 10_000

/** What a marker may cover: an entry, by what it is called and tagged with. */
export interface Coverable {
  readonly name: string
  readonly cache: string
  readonly tags: readonly string[]
}

/** The markers of an invalidation, by kind and name. */
export function markersOf({ tags, prefixes, caches }: Invalidation): string[] {
  return [
    ...tags.map((tag) => `t:${tag}`),
    ...prefixes.map((prefix) => `p:${prefix}`),
    ...caches.map((cache) => `c:${cache}`),
  ]
}

/** Whether an invalidation is about more than single entries. */
export const namesGroups = ({ tags, prefixes, caches }: Invalidation): boolean =>
  tags.length + prefixes.length + caches.length > 0

/**
 * At which seq each tag, prefix and cache was last invalidated. An entry is stale when a marker that covers it is newer
 * than its stamp, so invalidating a million entries by their tag costs one number. Counters only, never a wall clock.
 */
export class Markers {
  #seqs = new Map<string, number>()
  #prefixes = new Map<string, number>()
  #floor = 0
  /** The newest marker of all: entries stamped at or after it need no look. */
  #newest = 0

  load({ seqs, floor }: StoredMarkers): void {
    this.#seqs = new Map()
    this.#prefixes = new Map()
    this.#floor = floor
    this.#newest = floor
    for (const [marker, seq] of seqs) this.#raise(marker, seq)
  }

  set(what: Invalidation, seq: number): void {
    for (const marker of markersOf(what)) this.#raise(marker, seq)
  }

  /** Whether no marker at all is newer: then nothing needs to be known of the entry. */
  spare(stamp: number): boolean {
    return stamp >= this.#newest
  }

  /** Whether an entry with this stamp was invalidated by a marker. */
  cover({ name, cache, tags }: Coverable, stamp: number): boolean {
    if (stamp >= this.#newest) return false
    if (stamp < this.#floor || stamp < (this.#seqs.get(`c:${cache}`) ?? 0)) return true
    if (tags.some((tag) => stamp < (this.#seqs.get(`t:${tag}`) ?? 0))) return true
    for (const [prefix, seq] of this.#prefixes) if (stamp < seq && name.startsWith(prefix)) return true
    return false
  }

  /** Markers never go back: a message may come late. */
  #raise(marker: string, seq: number): void {
    const before = this.#seqs.get(marker) ?? 0
    if (seq <= before) return
    this.#seqs.delete(marker)
    this.#seqs.set(marker, seq)
    if (marker.startsWith('p:')) this.#prefixes.set(marker.slice(2), seq)
    this.#newest = Math.max(this.#newest, seq)
    if (this.#seqs.size > MAX_MARKERS) this.#dropOldest()
  }

  /** The one set longest ago, more or less: out of order only when messages were. The floor covers whatever it covered. */
  #dropOldest(): void {
    for (const [marker, seq] of this.#seqs) {
      this.#seqs.delete(marker)
      if (marker.startsWith('p:')) this.#prefixes.delete(marker.slice(2))
      this.#floor = Math.max(this.#floor, seq)
      return
    }
  }
}
