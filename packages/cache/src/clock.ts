import { after } from '@lockstep/redis'
import type { Clock } from './ports.ts'

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after,
}
