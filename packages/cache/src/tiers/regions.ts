import type { Invalidation } from '../protocol/history.ts'
import type { Waiters } from '../read/waiters.ts'
import type { Evictable } from './region.ts'

/**
 * What an invalidation reaches in a process: its regions by the name of their cache, and the readers who wait for an entry.
 *
 * Every process hears of every invalidation, and finds next to nothing of this in the caches of its processor: each object
 * that is looked at costs some 150 ns, and together they cost more than all else that is done for a message. So the usual
 * case, one key of the cache that was spoken of last, looks at few.
 */
export class Regions {
  /** The one that was found last. */
  #last: Evictable | undefined
  readonly #waiters: Waiters
  readonly #byCache = new Map<string, Evictable>()

  constructor(waiters: Waiters) {
    this.#waiters = waiters
  }

  add(region: Evictable): void {
    this.#byCache.set(region.cache, region)
    this.#last = undefined
  }

  has(cache: string): boolean {
    return this.#byCache.has(cache)
  }

  all(): Iterable<Evictable> {
    return this.#byCache.values()
  }

  /** Evicts what is named, and wakes who waits for it. */
  evict({ keys, tags, prefixes, caches }: Invalidation): void {
    for (const name of keys) {
      // Up to the second colon: that this is the name of a cache is shown by its region.
      const end = name.indexOf(':', name.indexOf(':') + 1)
      if (end > 0) this.#of(name, end)?.evict(name.slice(end + 1))
    }
    for (const cache of caches) this.#byCache.get(cache)?.evictAll()
    if (tags.length + prefixes.length > 0) {
      for (const region of this.#byCache.values()) {
        for (const tag of tags) region.evictTag(tag)
        for (const prefix of prefixes) region.evictPrefix(prefix)
      }
    }
    this.#waiters.wake(keys, 'evicted')
  }

  /** The region of the cache whose name is the beginning of this one. */
  #of(name: string, length: number): Evictable | undefined {
    const last = this.#last
    if (last !== undefined && last.cache.length === length && name.startsWith(last.cache)) return last
    const region = this.#byCache.get(name.slice(0, length))
    if (region !== undefined) this.#last = region
    return region
  }
}
