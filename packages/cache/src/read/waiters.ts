import type { Clock } from '@lockstep/redis'

/** Why a reader waits no longer: the load he waited for has ended, an invalidation has overtaken it, or time is up. */
export type Woken = 'filled' | 'evicted' | 'late'

/** Readers who wait for what another replica is loading. */
export class Waiters {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<(why: Woken) => void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when the entry is filled or evicted, as far as is heard, and after `ms` in any case. */
  wait(name: string, ms: number): Promise<Woken> {
    return new Promise((resolve) => {
      const done = (why: Woken) => {
        cancel()
        const waiting = this.#waiting.get(name)
        waiting?.delete(done)
        if (waiting?.size === 0) this.#waiting.delete(name)
        resolve(why)
      }
      const cancel = this.#clock.after(ms, () => done('late'), true)
      const waiting = this.#waiting.get(name)
      if (waiting) waiting.add(done)
      else this.#waiting.set(name, new Set([done]))
    })
  }

  wake(names: readonly string[], why: Woken): void {
    if (this.#waiting.size === 0) return
    for (const name of names) for (const done of this.#waiting.get(name) ?? []) done(why)
  }
}
