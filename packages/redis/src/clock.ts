import { after } from './breaker.ts'

/** Time, in milliseconds. */
export interface Clock {
  /** Never goes back, and means nothing outside of this process. It may stand still while the machine is suspended. */
  readonly now: () => number
  /** Since the epoch, as far as this machine knows. It may be stepped either way. */
  readonly wall: () => number
  /**
   * Calls back once; returns how to cancel.
   *
   * @param awaited whether somebody waits for it: then it keeps the process alive
   */
  readonly after: (ms: number, action: () => void, awaited?: boolean) => () => void
  /** Calls back at the end of this turn of the event loop, so that what is asked in one turn goes out as one command. */
  readonly soon: (action: () => void) => void
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: performance.now.bind(performance),
  wall: Date.now,
  after(ms, action, awaited = false) {
    if (!awaited) return after(ms, action)
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
  soon: (action) => void setImmediate(action),
}
