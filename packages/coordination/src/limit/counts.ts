import type { Metric } from '@lockstep/redis'
import type { Decision, Source } from './decision.ts'

const SOURCES: readonly Source[] = ['store', 'deny-cache', 'lease', 'local', 'fallback']

/** What one policy has decided since it was made. */
export interface PolicyStats {
  readonly allowed: number
  readonly refused: number
  /** Allowed because the policy only watches. */
  readonly refusedInShadow: number
  readonly bySource: Readonly<Record<Source, number>>
  /** Questions that Redis left without an answer. */
  readonly storeErrors: number
  /** Whether it decides without Redis now. */
  readonly degraded: boolean
  /** How many refusals are remembered. */
  readonly denials: number
}

/** Counts by outcome and source. */
export class Counts {
  readonly allowed = bySource()
  readonly refused = bySource()
  readonly refusedInShadow = bySource()
  storeErrors = 0

  add(decision: Decision): void {
    const { source } = decision
    if (!decision.allowed) this.refused[source]++
    else if (decision.refusedInShadow) this.refusedInShadow[source]++
    else this.allowed[source]++
  }

  stats(degraded: boolean, denials: number): PolicyStats {
    const { storeErrors } = this
    const sums = bySource()
    for (const source of SOURCES) {
      sums[source] = this.allowed[source] + this.refused[source] + this.refusedInShadow[source]
    }
    return {
      allowed: sumOf(this.allowed),
      refused: sumOf(this.refused),
      refusedInShadow: sumOf(this.refusedInShadow),
      bySource: sums,
      storeErrors,
      degraded,
      denials,
    }
  }

  metrics(policy: string, degraded: boolean, denials: number): Metric[] {
    const outcomes = [
      ['allowed', this.allowed],
      ['refused', this.refused],
      ['refused_in_shadow', this.refusedInShadow],
    ] as const
    const help = 'Requests by what was decided and by whom'
    const decisions = outcomes.flatMap(([outcome, counts]) =>
      SOURCES.map((source): Metric => {
        const labels = { policy, outcome, source }
        return {
          name: 'lockstep_limit_decisions_total',
          help,
          type: 'counter',
          labels,
          value: counts[source],
        }
      }),
    )
    const labels = { policy }
    return [
      ...decisions,
      {
        name: 'lockstep_limit_store_errors_total',
        help: 'Questions that Redis left without an answer',
        type: 'counter',
        labels,
        value: this.storeErrors,
      },
      {
        name: 'lockstep_limit_degraded',
        help: '1 while the policy decides without Redis',
        type: 'gauge',
        labels,
        value: degraded ? 1 : 0,
      },
      {
        name: 'lockstep_limit_denials',
        help: 'Refusals that are remembered',
        type: 'gauge',
        labels,
        value: denials,
      },
    ]
  }
}

const bySource = (): Record<Source, number> => ({
  store: 0,
  'deny-cache': 0,
  lease: 0,
  local: 0,
  fallback: 0,
})

const sumOf = (counts: Record<Source, number>): number =>
  SOURCES.reduce((sum, source) => sum + counts[source], 0)
