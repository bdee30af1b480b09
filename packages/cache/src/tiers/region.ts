import type { EntryHeader } from '../codec/entry.ts'
import type { Guards } from '../protocol/guards.ts'
import type { ShardView } from '../protocol/shard-view.ts'
import type { Flight } from '../read/flight.ts'
import { Fences } from './fences.ts'
import { Sieve } from './sieve.ts'

/** An id as the definition's `key` makes it. `42` and `'42'` name the same entry. */
export type Id = string | number

/**
 * An entry in L1: the value itself, never a copy, so treat it as read-only. What a hit and an eviction look at comes first: it
 * lies together in memory.
 */
export interface L1Entry<V> {
  /** Before this time it is served without a further look. */
  until: number
  /** Its lease decides whether this may be served. */
  readonly view: ShardView
  visited: boolean
  readonly bytes: number
  /** Undefined: the source is known not to have it. */
  readonly value: V | undefined
  /** The value as every hit hands it out, made by the first. */
  promise: Promise<V | undefined> | undefined
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
  readonly fences = new Fences()
  readonly entries: Sieve<L1Entry<V>>
  readonly #guards: Guards
  /** Whether any entry was ever put under a text: in most caches all ids are numbers, and none needs to be looked for. */
  #texts = false
  readonly flights = new Map<Id, Flight<V>>()
  readonly #tagged = new Map<string, Set<Id>>()

  constructor(cache: string, limits: { maxEntries: number; maxBytes?: number | undefined }, guards: Guards) {
    this.cache = cache
    this.entries = new Sieve(limits)
    this.#guards = guards
  }

  /** @returns whether it lies there now: it may be too large */
  put(id: Id, entry: L1Entry<V>): boolean {
    if (!this.entries.set(id, entry)) return false
    if (typeof id === 'string') this.#texts = true
    const { tags } = entry.header
    if (tags.length > 0) this.#tag(id, tags)
    return true
  }

  evict(id: string): void {
    const number = numberOf(id)
    if (this.#guards.fence) this.#void(id, number)
    if (this.#texts) this.entries.delete(id)
    if (number !== undefined) this.entries.delete(number)
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

  /** A flight that waits for its begin will read what is true then: with no read under way nothing is voided. */
  #void(id: string, number: number | undefined): void {
    if (this.fences.idle) return
    this.fences.evict(id)
    this.flights.delete(id)
    if (number === undefined) return
    this.fences.evict(number)
    this.flights.delete(number)
  }

  #unjoin(): void {
    if (this.#guards.fence) this.flights.clear()
  }

  #tag(id: Id, tags: readonly string[]): void {
    this.entries.onRemove ??= (gone, { header }) => this.#untag(gone, header)
    for (const tag of tags) {
      const ids = this.#tagged.get(tag)
      if (ids) ids.add(id)
      else this.#tagged.set(tag, new Set([id]))
    }
  }

  #untag(id: Id, header: EntryHeader): void {
    for (const tag of header.tags) {
      const ids = this.#tagged.get(tag)
      ids?.delete(id)
      if (ids?.size === 0) this.#tagged.delete(tag)
    }
  }
}

/** So many digits are sure to be a small integer, which costs no memory of its own. */
const MOST_DIGITS = 9

/** The number that is written so; undefined for all other texts, such as `042`. */
function numberOf(id: string): number | undefined {
  const { length } = id
  if (length > 0 && length <= MOST_DIGITS) {
    let number = 0
    let at = 0
    for (; at < length; at++) {
      const digit = id.charCodeAt(at) - ZERO
      if (digit < 0 || digit > 9 || (number === 0 && at > 0)) break
      number = number * 10 + digit
    }
    if (at === length) return number
  }
  const number = Number(id)
  return String(number) === id ? number : undefined
}

const ZERO = 48
