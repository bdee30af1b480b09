import { type Duration, toMilliseconds } from '@lockstep/settings'

/**
 * How permits are counted. `sliding` in a tenth of the window each, at the same cost for any limit; `exact` by the
 * millisecond, for small limits; `smooth` spreads them evenly behind a small burst.
 */
export type Kind = 'sliding' | 'exact' | 'smooth'

/** No window of this length, wherever it begins, holds more permits than the limit. */
export interface TierOptions {
  readonly limit: number
  /** From 10 ms to 400 days. */
  readonly window: Duration
  /** Only for `smooth`: how many permits may be taken at once. Default: a tenth of the limit. */
  readonly burst?: number
}

/** Permits are noted in grains of time; see sliding.lua and exact.lua. */
export interface Windows {
  /** In µs. */
  readonly grain: number
  /** How many a window has. */
  readonly grains: number
}

/** Permits come one by one; see smooth.lua. */
export interface Smooth {
  readonly burst: number
  /** From one permit to the next, in µs. */
  readonly interval: number
}

/** One limit of a policy, as it is kept. */
export interface Tier {
  readonly limit: number
  /** In ms. */
  readonly window: number
  /** The most permits that it ever gives at once. */
  readonly most: number
  readonly rule: Windows | Smooth
  /** As the script of its kind takes it. */
  readonly numbers: readonly [number, number]
}

/** How many grains a window of `sliding` has: what it under-admits by is one of them. */
const SLIDING_GRAINS = 10
/** A grain of `exact`, in µs: so a window has as many as it has ms. */
const EXACT_GRAIN = 1000
/** `exact` keeps a note for each permit at worst, and reads them all. */
const EXACT_MOST = 1000
const MOST = 1e9
const [SHORTEST, LONGEST] = [10, 400 * 86_400_000]

/** @param fail is told what is wrong, and throws */
export function tierOf(kind: Kind, options: TierOptions, fail: (problem: string) => never): Tier {
  const { limit, burst } = options
  const window = windowOf(options.window, fail)
  const most = kind === 'exact' ? EXACT_MOST : MOST
  if (!Number.isInteger(limit) || limit < 1 || limit > most) {
    const advice = kind === 'exact' && limit > most ? ": take the kind 'sliding' for more" : ''
    return fail(`has the limit ${limit}, which is not a whole number from 1 to ${most}${advice}`)
  }
  if (kind === 'smooth') return smoothTier(limit, window, burst ?? Math.max(1, Math.floor(limit / 10)), fail)
  if (burst !== undefined) return fail(`is ${kind} and has a burst: only the kind 'smooth' takes one`)
  if (kind === 'exact') {
    return {
      limit,
      window,
      most: limit,
      rule: { grain: EXACT_GRAIN, grains: window },
      numbers: [limit, window],
    }
  }
  const grain = (window * 1000) / SLIDING_GRAINS
  return { limit, window, most: limit, rule: { grain, grains: SLIDING_GRAINS }, numbers: [limit, grain] }
}

/** Rounded up, so that never more than the limit comes of it. */
function smoothTier(limit: number, window: number, burst: number, fail: (problem: string) => never): Tier {
  if (!Number.isInteger(burst) || burst < 1 || burst > limit) {
    return fail(`has the burst ${burst}, which is not a whole number from 1 to its limit of ${limit}`)
  }
  const interval = Math.ceil((window * 1000) / (limit - burst + 1))
  return { limit, window, most: burst, rule: { burst, interval }, numbers: [burst, interval] }
}

function windowOf(duration: Duration, fail: (problem: string) => never): number {
  const window = millisecondsIn(duration)
  if (Number.isInteger(window) && window >= SHORTEST && window <= LONGEST) return window
  return fail(`has the window ${JSON.stringify(duration)}, which is not whole milliseconds from 10ms to 400d`)
}

/** NaN for what is no duration. */
function millisecondsIn(duration: Duration): number {
  try {
    return toMilliseconds(duration)
  } catch {
    return Number.NaN
  }
}

/** How much longer a key lives than it matters, in ms: Redis counts its life from before the script reads the time. */
const SPARE = 5

/** For how many ms a permit given now can matter to any of these. */
export function lifetimeOf(tiers: readonly Tier[]): number {
  const lives = tiers.map(({ rule }) =>
    'burst' in rule ? rule.burst * rule.interval : (rule.grains + 1) * rule.grain,
  )
  return Math.ceil(Math.max(...lives) / 1000) + SPARE
}
