interface Timer {
  at: number
  action: () => void
}

/** A clock that stands still until it is told to move. */
export class ManualClock {
  #now = 0
  #wall: number
  readonly #timers = new Set<Timer>()

  constructor(wall = Date.UTC(2026, 0, 1)) {
    this.#wall = wall
  }

  readonly now = () => this.#now
  readonly wall = () => this.#wall

  readonly after = (ms: number, action: () => void) => {
    const timer = { at: this.#now + ms, action }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Moves on, and runs the timers that are due, in their order. */
  advance(ms: number): void {
    const end = this.#now + ms
    this.#wall += ms
    for (let timer = this.#due(end); timer; timer = this.#due(end)) {
      this.#timers.delete(timer)
      this.#now = timer.at
      timer.action()
    }
    this.#now = end
  }

  #due(end: number): Timer | undefined {
    return [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
  }
}
