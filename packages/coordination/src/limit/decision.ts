import type { PolicySpec } from './options.ts'
import type { Answer } from './store.ts'

/**
 * Who decided: Redis; this process, because Redis has refused the same and it cannot succeed yet; this process, from
 * permits that it has leased; while Redis does not answer, this process's own meters, or the policy without any.
 */
export type Source = 'store' | 'deny-cache' | 'lease' | 'local' | 'fallback'

/** Where a tier stands. */
export interface TierLevel {
  readonly limit: number
  /** In ms. */
  readonly window: number
  /** Permits left. */
  readonly remaining: number
  /** Until all permits are free, when nobody takes any. */
  readonly resetMs: number
}

interface Common {
  /** All tiers, in the policy's order. */
  readonly tiers: readonly TierLevel[]
  /** The tier that refuses for the longest, or the one with the fewest permits left. */
  readonly tier: TierLevel
  /** Permits left in it. */
  readonly remaining: number
  /** Until all of its permits are free, when nobody takes any. */
  readonly resetMs: number
  /** Until the same can succeed, when nobody else takes any; 0 when it has. */
  readonly retryAfterMs: number
  readonly source: Source
  /** Redis did not answer: what the policy promises does not hold. */
  readonly degraded: boolean
  /** When the store decided, in ms by its clock; undefined when it was not asked. */
  readonly at: number | undefined
}

export interface Allowed extends Common {
  readonly allowed: true
  /** The policy only watches: it would have refused this, and has counted nothing. */
  readonly refusedInShadow: boolean
}

export interface Refused extends Common {
  readonly allowed: false
}

export type Decision = Allowed | Refused

/**
 * A store's answer as a decision.
 *
 * @param age how many ms ago it was given
 */
export function decisionOf(spec: PolicySpec, answer: Answer, source: Source, age = 0): Decision {
  const tiers = spec.tiers.map(({ limit, window }, place): TierLevel => {
    const { remaining = limit, resetMs = 0 } = answer.levels[place] ?? {}
    return { limit, window, remaining, resetMs: Math.max(0, resetMs - age) }
  })
  const { refusedBy } = answer
  const tier = tiers[refusedBy ?? tightest(tiers)] ?? noLevel
  const { remaining, resetMs } = tier
  const retryAfterMs = refusedBy === undefined ? 0 : Math.max(0, answer.waitMs - age)
  const degraded = source === 'local' || source === 'fallback'
  const at = source === 'store' ? answer.at : undefined
  // Spelled out twice: to spread what both share would cost a fifth of all that a question costs here.
  if (refusedBy === undefined || spec.shadow) {
    const refusedInShadow = refusedBy !== undefined
    return {
      allowed: true,
      refusedInShadow,
      tiers,
      tier,
      remaining,
      resetMs,
      retryAfterMs,
      source,
      degraded,
      at,
    }
  }
  return { allowed: false, tiers, tier, remaining, resetMs, retryAfterMs, source, degraded, at }
}

/** How long to stay away from a policy that refuses all while Redis is away. */
const AWAY_RETRY_MS = 1000

/** The decision of a policy that is `open` or `closed`, while Redis does not answer. */
export function withoutStore(spec: PolicySpec): Decision {
  const closed = spec.whenAway === 'closed'
  const levels = spec.tiers.map(({ most }) => ({ remaining: closed ? 0 : most, resetMs: 0 }))
  const refusedBy = closed ? 0 : undefined
  const answer = { at: 0, refusedBy, waitMs: AWAY_RETRY_MS, leased: 0, leaseMs: 0, levels }
  return decisionOf(spec, answer, 'fallback')
}

const noLevel: TierLevel = { limit: 0, window: 0, remaining: 0, resetMs: 0 }

/** The place of the tier with the fewest permits left. */
function tightest(tiers: readonly TierLevel[]): number {
  let place = 0
  for (let at = 1; at < tiers.length; at++) {
    if ((tiers[at]?.remaining ?? 0) < (tiers[place]?.remaining ?? 0)) place = at
  }
  return place
}
