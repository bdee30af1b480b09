import type { Smooth, Tier, Windows } from './tiers.ts'

/**
 * The permits of one key in one tier, in memory: the reference for what the scripts do, where the algorithms are
 * explained. All times are in µs, of any one clock.
 */
export interface Meter {
  /** How many permits are left; below 0 when the limit was lowered. */
  free(now: number): number
  /** The earliest moment at which so many are free, when nobody else takes any. Asked only when they are not. */
  moment(now: number, permits: number): number
  /** When all are free again. */
  full(now: number): number
  take(now: number, permits: number): void
  /** Until when permits may be spent as if now. */
  sameUntil(now: number): number
}

/** How far ahead of the clock, in µs, what was noted before a step back may seem to be. */
const AHEAD = 60_000_000

export const meterOf = ({ limit, rule }: Tier): Meter =>
  'burst' in rule ? smoothMeter(rule) : windowsMeter(limit, rule)

interface Note {
  readonly grain: number
  readonly permits: number
}

function windowsMeter(limit: number, { grain: length, grains }: Windows): Meter {
  let kept: readonly Note[] = []
  const forgotten = (grain: number) => (grain + grains + 1) * length
  const usedIn = (notes: readonly Note[]) => notes.reduce((sum, { permits }) => sum + permits, 0)

  /** What still counts, all of it moved back when the clock was set back a long way. */
  function notesAt(now: number): Note[] {
    const current = Math.floor(now / length)
    const behind = Math.max(0, (kept.at(-1)?.grain ?? 0) - current - Math.ceil(AHEAD / length))
    return kept
      .map(({ grain, permits }) => ({ grain: grain - behind, permits }))
      .filter(({ grain }) => grain >= current - grains)
  }

  return {
    free: (now) => limit - usedIn(notesAt(now)),
    moment(now, permits) {
      const notes = notesAt(now)
      let left = usedIn(notes)
      for (const note of notes) {
        left -= note.permits
        if (left + permits <= limit) return forgotten(note.grain)
      }
      return now
    },
    full(now) {
      const last = notesAt(now).at(-1)
      return last === undefined ? now : forgotten(last.grain)
    },
    take(now, permits) {
      const notes = notesAt(now)
      const last = notes.at(-1)
      const grain = Math.max(Math.floor(now / length), last?.grain ?? 0)
      const before = last?.grain === grain ? notes.pop() : undefined
      kept = [...notes, { grain, permits: permits + (before?.permits ?? 0) }]
    },
    sameUntil: (now) => (Math.floor(now / length) + 1) * length,
  }
}

function smoothMeter({ burst, interval }: Smooth): Meter {
  let kept = 0
  const meterAt = (now: number) => Math.max(now, Math.min(kept, now + AHEAD + burst * interval))
  return {
    free: (now) => burst - Math.ceil((meterAt(now) - now) / interval),
    moment: (now, permits) => meterAt(now) + (permits - burst) * interval,
    full: meterAt,
    take(now, permits) {
      kept = meterAt(now) + permits * interval
    },
    sameUntil: (now) => now,
  }
}
