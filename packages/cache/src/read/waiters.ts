import type { Clock } from '../ports.ts'

/** Readers who wait for what another replica is loading. */
export class Waiters {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when the entry is filled or evicted, as far as is heard, and after `ms` in any case. */
  wait(name: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel()
        const waiting = this.#waiting.get(name)
        waiting?.delete(done)
        if (waiting?.size === 0) this.#waiting.delete(name)
        resolve()
      }
      const cancel = this.#clock.after(ms, done)
      const waiting = this.#waiting.get(name)
      if (waiting) waiting.add(done)
      else this.#waiting.set(name, new Set([done]))
    })
  }

  wake(names: readonly string[]): void {
    if (this.#waiting.size === 0) return
    for (const name of names) for (const done of this.#waiting.get(name) ?? []) done()
  }
}
