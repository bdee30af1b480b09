import type { EntryHeader } from '../codec/entry.ts'
import type { Guards } from '../protocol/guards.ts'
import type { ShardView } from '../protocol/shard-view.ts'
import type { Flight } from '../read/flight.ts'
import { Fences } from './fences.ts'
import { Sieve } from './sieve.ts'

/** An id as the definition's `key` makes it. `42` and `'42'` name the same entry. */
export type Id = string | number

/** An entry in L1: the value itself, never a copy, so treat it as read-only. */
export interface L1Entry<V> {
  /** Undefined: the source is known not to have it. */
  readonly value: V | undefined
  /** The value as every hit hands it out, made by the first. */
  promise: Promise<V | undefined> | undefined
  /** Its lease decides whether this may be served. */
  readonly view: ShardView
  /** Before this time it is served without a further look. */
  until: number
  visited: boolean
  readonly bytes: number
  readonly name: string
  readonly header: EntryHeader
}

/** What an invalidation does to a region, whatever its entries hold. */
export interface Evictable {
  readonly cache: string
  evict(id: string): void
  evictTag(tag: string): void
  evictPrefix(prefix: string): void
  evictAll(): void
  /** Everything that lies in one shard. */
  evictShard(view: ShardView): void
}

/**
 * What one process knows of one named cache: the entries in its L1, and the reads under way.
 *
 * An eviction of an entry voids the reads of it before anything else can look: their results are stored nowhere, and nobody
 * joins them. For groups (tags, prefixes) nobody joins any read of the region, and whether a result may be stored is
 * judged by marker and stamp, since what it is tagged with is known only then. Nothing here waits.
 */
export class Region<V> implements Evictable {
  readonly cache: string
  readonly flights = new Map<Id, Flight<V>>()
  readonly fences = new Fences()
  readonly entries: Sieve<L1Entry<V>>
  readonly #tagged = new Map<string, Set<Id>>()
  readonly #guards: Guards

  constructor(cache: string, limits: { maxEntries: number; maxBytes?: number | undefined }, guards: Guards) {
    this.cache = cache
    this.#guards = guards
    this.entries = new Sieve(limits, (id, entry) => this.#untag(id, entry))
  }

  /** @returns whether it lies there now: it may be too large */
  put(id: Id, entry: L1Entry<V>): boolean {
    if (!this.entries.set(id, entry)) return false
    for (const tag of entry.header.tags) {
      const ids = this.#tagged.get(tag)
      if (ids) ids.add(id)
      else this.#tagged.set(tag, new Set([id]))
    }
    return true
  }

  evict(id: string): void {
    this.#evict(id)
    const number = Number(id)
    if (String(number) === id) this.#evict(number)
  }

  evictTag(tag: string): void {
    this.#unjoin()
    for (const id of this.#tagged.get(tag) ?? []) this.entries.delete(id)
  }

  evictPrefix(prefix: string): void {
    this.#unjoin()
    for (const [id, { name }] of this.entries.entries()) {
      if (name.startsWith(prefix)) this.entries.delete(id)
    }
  }

  evictAll(): void {
    if (this.#guards.fence) this.fences.evictAll()
    this.#unjoin()
    this.entries.clear()
    this.#tagged.clear()
  }

  evictShard(view: ShardView): void {
    if (this.#guards.fence) this.fences.evictAll()
    this.#unjoin()
    for (const [id, entry] of this.entries.entries()) if (entry.view === view) this.entries.delete(id)
  }

  #evict(id: Id): void {
    if (this.#guards.fence) {
      this.fences.evict(id)
      if (this.flights.size > 0) this.flights.delete(id)
    }
    this.entries.delete(id)
  }

  #unjoin(): void {
    if (this.#guards.fence) this.flights.clear()
  }

  #untag(id: Id, { header }: L1Entry<V>): void {
    for (const tag of header.tags) {
      const ids = this.#tagged.get(tag)
      ids?.delete(id)
      if (ids?.size === 0) this.#tagged.delete(tag)
    }
  }
}
