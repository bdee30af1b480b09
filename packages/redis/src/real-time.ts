import type { Clock } from './clock.ts'

/** How often, at most, the wall clock is read, in ms of running time. */
const CHECK_EVERY = 0.1
/** Less than this between the two clocks is drift, and the rounding of the wall clock to a millisecond. */
const TOLERANCE = 25

/**
 * The time that has really passed, in ms: the monotonic clock, and what it slept through.
 *
 * Every hit in L1 asks for the time, and reading a clock is most of what a hit costs, so it matters which is read. The
 * **monotonic** clock is read every time. It goes on while the process is stopped (SIGSTOP), so the first hit after a pause
 * knows of it, and nobody can set it. But it stands still while the machine is suspended. The **wall** clock does not: the
 * kernel sets it right before anything runs again. So it is read, too, but only when the monotonic clock has moved by a
 * tenth of a millisecond since the last look: many hits in a row share one. If the wall clock has gained on the other, the
 * difference is counted as time that passed. When it was set forward instead, a lease ends early, which does no harm. When it
 * was set back, nothing happens: it is only ever compared with itself a moment ago.
 *
 * What is left open is the first tenth of a millisecond of running time after a resume, in code that was running when
 * the machine was suspended or has been woken by it: too short to have heard anything from outside. (A machine that was
 * suspended and whose wall clock was set back by as much, at once, shows no clock at all that has moved.)
 */
export function realTime(clock: Clock): Clock {
  const { now, wall } = clock
  let slept = 0
  let looked = now()
  let baseNow = looked
  let baseWall = wall()

  function look(at: number): void {
    looked = at
    const gained = wall() - baseWall - (at - baseNow)
    if (gained > TOLERANCE) slept += gained
    else if (gained > -TOLERANCE) return
    baseNow = at
    baseWall = wall()
  }

  return {
    ...clock,
    now: () => {
      const at = now()
      if (at - looked >= CHECK_EVERY) look(at)
      return at + slept
    },
  }
}
