import type { Coverable } from '../protocol/markers.ts'

/**
 * What is invalidated, one string each: `k:` and the name of an entry, `t:` a tag, `p:` a prefix of names, `c:` a cache.
 */
export type Item = `${'k' | 't' | 'p' | 'c'}:${string}`

/**
 * What this process has itself declared stale and Redis is not yet known to know. Until it is, this process reads past
 * the caches what is named here, and keeps nothing of it.
 */
export class Pending {
  readonly #counts = new Map<Item, number>()
  #groups = 0

  /** Each stands as long as one of those who put it up needs it. */
  add(items: readonly Item[]): void {
    for (const item of items) {
      const count = this.#counts.get(item) ?? 0
      this.#counts.set(item, count + 1)
      if (count === 0 && !item.startsWith('k:')) this.#groups++
    }
  }

  remove(items: readonly Item[]): void {
    for (const item of items) {
      const left = (this.#counts.get(item) ?? 0) - 1
      if (left > 0) this.#counts.set(item, left)
      else if (this.#counts.delete(item) && !item.startsWith('k:')) this.#groups--
    }
  }

  /** Whether nothing is pending. */
  get none(): boolean {
    return this.#counts.size === 0
  }

  /** Whether a group is pending: an entry may belong to it by tags that only the entry itself tells. */
  get grouped(): boolean {
    return this.#groups > 0
  }

  /** Whether the entry of this name, or its whole cache, is pending. */
  key(name: string, cache: string): boolean {
    return this.#counts.size > 0 && (this.#counts.has(`k:${name}`) || this.covers({ name, cache, tags: [] }))
  }

  /** Whether a group that the entry belongs to is pending. */
  covers({ name, cache, tags }: Coverable): boolean {
    if (this.#groups === 0) return false
    if (this.#counts.has(`c:${cache}`) || tags.some((tag) => this.#counts.has(`t:${tag}`))) return true
    for (const item of this.#counts.keys()) {
      if (item.startsWith('p:') && name.startsWith(item.slice(2))) return true
    }
    return false
  }
}
