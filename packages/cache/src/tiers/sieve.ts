/** What the sieve needs of an entry. */
export interface Sieved {
  /** Set by whoever reads it; cleared when the hand passes. */
  visited: boolean
  /** What it takes in memory, about. */
  readonly bytes: number
}

/**
 * A bounded map that evicts by SIEVE (Zhang et al., NSDI 2024): a hand goes over the entries from old to new, spares those
 * that were read since it last passed, and removes the first that was not. A read only sets a bit, so a hit costs a look-up
 * in a Map and no more; an LRU list would have to be reordered (see docs/adr/0008).
 */
export class Sieve<E extends Sieved> {
  readonly #entries = new Map<string | number, E>()
  #bytes = 0
  /** Is told of every entry that goes, however it goes, unless by `clear`. */
  onRemove: ((id: string | number, entry: E) => void) | undefined
  readonly #maxEntries: number
  readonly #maxBytes: number
  /** Undefined while nothing has to be evicted. */
  #hand: Iterator<[string | number, E]> | undefined
  /** How many entries were put in since the hand last moved. */
  #still = 0
  /** What the hand points at; undefined between two rounds. It may have been removed since. */
  #at: [string | number, E] | undefined

  constructor(limits: { maxEntries: number; maxBytes?: number | undefined }) {
    this.#maxEntries = limits.maxEntries
    this.#maxBytes = limits.maxBytes ?? Number.POSITIVE_INFINITY
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(id: string | number): E | undefined {
    return this.#entries.get(id)
  }

  /** Whether there is room for so many bytes at all. */
  fits(bytes: number): boolean {
    return bytes <= this.#maxBytes
  }

  /** @returns whether there is room for it at all */
  set(id: string | number, entry: E): boolean {
    this.delete(id)
    if (!this.fits(entry.bytes)) return false
    while (this.#entries.size >= this.#maxEntries || this.#bytes + entry.bytes > this.#maxBytes)
      this.#evictOne()
    if (this.#hand !== undefined && ++this.#still > this.#entries.size) this.#letGo()
    this.#entries.set(id, entry)
    this.#bytes += entry.bytes
    return true
  }

  delete(id: string | number): boolean {
    const entry = this.#entries.get(id)
    if (entry === undefined) return false
    this.#entries.delete(id)
    this.#bytes -= entry.bytes
    this.onRemove?.(id, entry)
    return true
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
    this.#letGo()
  }

  entries(): IterableIterator<[string | number, E]> {
    return this.#entries.entries()
  }

  #evictOne(): void {
    for (;;) {
      const at = this.#at
      this.#at = this.#step()
      if (at === undefined || this.#entries.get(at[0]) !== at[1]) continue
      const [id, entry] = at
      if (!entry.visited) return void this.delete(id)
      entry.visited = false
    }
  }

  /**
   * Moves the hand on. The iterator of a Map is live: it sees entries added since, and skips those removed. So it steps
   * before the new entry is put in, or at the end of its round it would meet nothing but the newest.
   */
  #step(): [string | number, E] | undefined {
    this.#still = 0
    this.#hand ??= this.#entries.entries()
    const next = this.#hand.next()
    if (!next.done) return next.value
    this.#letGo()
    return undefined
  }

  /**
   * The hand begins its next round at the oldest. An iterator keeps alive whatever its Map has outgrown since its last step,
   * tables with the entries in them: one that stands still while others come and go would be a leak.
   */
  #letGo(): void {
    this.#hand = undefined
    this.#at = undefined
  }
}
