import type { Clock } from '@lockstep/redis'

/** Why a reader waits no longer: the load he waited for has ended, an invalidation has overtaken it, or time is up. */
export type Woken = 'filled' | 'evicted' | 'late'

/** Readers who wait for what another replica is loading. */
export class Waiters {
  #count = 0
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<Waiter>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Begins to listen for the fill and the eviction of an entry, as far as they are heard; before its lease is asked for,
   * since the word of a fill may overtake the answer that says to wait for it.
   */
  listen(name: string): Waiter {
    const waiter = new Waiter(this.#clock, () => {
      const waiting = this.#waiting.get(name)
      if (waiting?.delete(waiter)) this.#count--
      if (waiting?.size === 0) this.#waiting.delete(name)
    })
    this.#count++
    const waiting = this.#waiting.get(name)
    if (waiting) waiting.add(waiter)
    else this.#waiting.set(name, new Set([waiter]))
    return waiter
  }

  wake(names: readonly string[], why: Woken): void {
    if (this.#count === 0) return
    for (const name of names) for (const waiter of this.#waiting.get(name) ?? []) waiter.wake(why)
  }
}

/** One reader who listens for one entry. */
export class Waiter {
  /** Stops listening. */
  readonly end: () => void
  readonly #clock: Clock
  #heard: Woken | undefined
  #resolve: ((why: Woken) => void) | undefined

  constructor(clock: Clock, end: () => void) {
    this.#clock = clock
    this.end = end
  }

  /** Resolves when there is word, at once if there was some since the last wait; and after `ms` in any case. */
  wait(ms: number): Promise<Woken> {
    const heard = this.#heard
    this.#heard = undefined
    if (heard) return Promise.resolve(heard)
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, () => this.wake('late'), true)
      this.#resolve = (why) => {
        cancel()
        resolve(why)
      }
    })
  }

  wake(why: Woken): void {
    const resolve = this.#resolve
    this.#resolve = undefined
    if (resolve) resolve(why)
    else this.#heard = why
  }
}
