import { after } from '@lockstep/redis'
import type { Clock } from './ports.ts'

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: performance.now.bind(performance),
  wall: Date.now,
  after,
  soon: (action) => void setImmediate(action),
}
