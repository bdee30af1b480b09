/** Past so many evictions remembered, everything under way counts as voided: memory is bounded, nothing stale is kept. */
const MAX_REMEMBERED = 10_000

/**
 * What was evicted while reads were under way. A read notes when it began; before its result is put into L1, it asks
 * whether its entry was evicted since. So a result that an invalidation has overtaken is never stored (G2), at the price of
 * a number for each read, however many there are.
 */
export class Fences {
  #clock = 0
  #allBefore = 0
  #underWay = 0
  readonly #evicted = new Map<string | number, number>()

  /** A read begins; returns when. */
  open(): number {
    this.#underWay++
    return this.#clock
  }

  /** A read has ended. With none under way, nothing needs to be remembered. */
  close(): void {
    this.#underWay--
    if (this.#underWay === 0 && this.#evicted.size > 0) this.#evicted.clear()
  }

  /** Whether no read is under way, so that there is nothing to void. */
  get idle(): boolean {
    return this.#underWay === 0
  }

  evict(id: string | number): void {
    if (this.idle) return
    this.#clock++
    if (this.#evicted.size >= MAX_REMEMBERED) this.evictAll()
    this.#evicted.set(id, this.#clock)
  }

  evictAll(): void {
    this.#clock++
    this.#allBefore = this.#clock
    this.#evicted.clear()
  }

  voided(id: string | number, since: number): boolean {
    return since < this.#clock && (since < this.#allBefore || (this.#evicted.get(id) ?? 0) > since)
  }
}
