interface Timer {
  at: number
  action: () => void
}

/** Clocks that stand still until they are told to move. */
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

  /** The end of a turn is the real one: it comes without the clocks being moved. */
  readonly soon = (action: () => void) => void setImmediate(action)

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size
  }

  /** Both clocks move on, and the timers that are due run, in their order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let timer = this.#due(end); timer; timer = this.#due(end)) {
      this.#timers.delete(timer)
      this.#moveTo(Math.max(this.#now, timer.at))
      timer.action()
    }
    this.#moveTo(end)
  }

  /** The process is stopped for so long (SIGSTOP): both clocks move on, and no timer runs before the next `advance`. */
  stop(ms: number): void {
    this.#moveTo(this.#now + ms)
  }

  /** The machine is suspended for so long, or its wall clock set forward: the monotonic clock does not see it. */
  suspend(ms: number): void {
    this.#wall += ms
  }

  /** The wall clock is set back. */
  setBack(ms: number): void {
    this.#wall -= ms
  }

  #moveTo(now: number): void {
    this.#wall += now - this.#now
    this.#now = now
  }

  #due(end: number): Timer | undefined {
    return [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
  }
}
