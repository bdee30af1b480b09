import type { Invalidation } from './ports.ts'
import type { Evictable } from './region.ts'

/**
 * One process's view of the caches: the coherent core, without I/O.
 *
 * **What it is.** A set of regions, one a named cache (see `Region`), and one bit: whether this process is `live`, that
 * is, whether invalidations are known to reach it. Everything that can make a copy stale comes through here.
 *
 * **Invariant.** While live, an entry in L1 has not been invalidated by any message that was published since it was read,
 * except for those still on their way. Hence:
 * - going up flushes: whatever was published before was missed;
 * - going down flushes, and nothing is put into L1 until it is up again: whatever is published now will be missed. So a
 *   hit needs no look at the link: while it is down, there is nothing to hit;
 * - an eviction voids the reads under way before it removes the entry, and a flush voids them all.
 *
 * **Concurrency.** All methods are synchronous and the process has one thread: a message is applied as a whole before the
 * next read looks, and a read's result is stored (or not) in one step with the check of its flight.
 *
 * **Ordering.** Messages may be lost only with the link, which is seen as going down; they may repeat and overtake one
 * another freely, since removing twice, or in another order, leaves the same thing: nothing.
 *
 * **Failure.** A link that dies silently is found by its heartbeat, within three beats; until then L1 may serve what others
 * have already replaced. (The lease on L1, sequence numbers and replay, which bound and repair this, come with the full
 * protocol.) A message from a later release flushes everything, because nobody can say what it evicts.
 */
export class Replica {
  #live = false
  readonly #regions = new Map<string, Evictable>()
  /** By the names of entries and of caches, which cannot be the same. A cache may be fenced before it is defined. */
  readonly #fences = new Map<string, number>()

  /** Whether L1 may be filled. */
  get live(): boolean {
    return this.#live
  }

  add(cache: string, region: Evictable): void {
    this.#regions.set(cache, region)
  }

  has(cache: string): boolean {
    return this.#regions.has(cache)
  }

  up(): void {
    this.flush()
    this.#live = true
  }

  down(): void {
    this.#live = false
    this.flush()
  }

  flush(): void {
    for (const region of this.#regions.values()) region.evictAll()
  }

  evict(what: Invalidation): void {
    for (const name of what.names) {
      const cache = cacheOf(name)
      if (cache !== undefined) this.#regions.get(cache)?.evict(name.slice(cache.length + 1))
    }
    for (const cache of what.caches) this.#regions.get(cache)?.evictAll()
  }

  /**
   * Puts up a fence: from before this process sends an invalidation until it knows that Redis has executed it. What is
   * fenced is read from the source, past L2, where the old entry may still lie; and nothing read meanwhile is kept.
   */
  fence(what: Invalidation): void {
    this.evict(what)
    for (const name of namesIn(what)) this.#fences.set(name, (this.#fences.get(name) ?? 0) + 1)
  }

  /** Takes one fence down; each stands as long as one of those who put it up needs it. */
  unfence(what: Invalidation): void {
    this.evict(what)
    for (const name of namesIn(what)) {
      const left = (this.#fences.get(name) ?? 0) - 1
      if (left > 0) this.#fences.set(name, left)
      else this.#fences.delete(name)
    }
  }

  fenced(cache: string, name: string): boolean {
    return this.#fences.has(cache) || this.#fences.has(name)
  }
}

const namesIn = ({ names, caches }: Invalidation): string[] => [...names, ...caches]

/** The cache that an entry's name belongs to, `books:v1` of `books:v1:42`; undefined when it is not such a name. */
export function cacheOf(name: string): string | undefined {
  return /^[^:]+:v\d+(?=:)/.exec(name)?.[0]
}
