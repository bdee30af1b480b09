import { after } from '@lockstep/redis'
import type { Clock } from './ports.ts'

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
