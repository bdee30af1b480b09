import type { Clock } from '@lockstep/redis'
import { type Meter, meterOf } from './meters.ts'
import type { Answer, Ask, Store } from './store.ts'
import type { Tier } from './tiers.ts'

/** How many keys it knows; past that, the one that began first is forgotten. */
const MAX_KEYS = 10_000

export interface MemoryStore extends Store {
  /** {@link Store.ask} for one, at once. */
  answer(ask: Ask, mode: 'consume' | 'peek'): Answer
}

/** A store in this process: what limits when Redis is away and the policy says `local`, and the reference in tests. */
export function memoryStore(
  tiers: readonly Tier[],
  clock: Pick<Clock, 'now'>,
  maxKeys = MAX_KEYS,
): MemoryStore {
  const known = new Map<string, readonly Meter[]>()

  function metersOf(name: string): readonly Meter[] {
    let meters = known.get(name)
    if (meters === undefined) {
      meters = tiers.map(meterOf)
      const [first] = known.keys()
      if (known.size >= maxKeys && first !== undefined) known.delete(first)
      known.set(name, meters)
    }
    return meters
  }

  function answer({ name, cost, want }: Ask, mode: 'consume' | 'peek'): Answer {
    const now = Math.round(clock.now() * 1000)
    const meters = metersOf(name)
    const { refusedBy, at } = refusal(meters, now, cost)
    let leased = 0
    if (mode === 'consume' && refusedBy === undefined) {
      const take = (permits: number) => meters.forEach((meter) => meter.take(now, permits))
      take(cost)
      leased = Math.max(0, Math.min(want, ...meters.map((meter) => Math.floor(meter.free(now) / 2))))
      if (leased > 0) take(leased)
    }
    return {
      at: now / 1000,
      refusedBy,
      waitMs: (at - now) / 1000,
      leased,
      leaseMs: leased === 0 ? 0 : (Math.min(...meters.map((meter) => meter.sameUntil(now))) - now) / 1000,
      levels: meters.map((meter) => ({
        remaining: Math.max(0, meter.free(now)),
        resetMs: (meter.full(now) - now) / 1000,
      })),
    }
  }

  return {
    shards: 1,
    shardOf: () => 0,
    answer,
    ask: async (_shard, asks, mode) => asks.map((ask) => answer(ask, mode)),
    async forget(name) {
      known.delete(name)
    },
  }
}

/** The place of the tier that refuses for the longest, and until when. */
function refusal(
  meters: readonly Meter[],
  now: number,
  permits: number,
): { refusedBy: number | undefined; at: number } {
  let refusedBy: number | undefined
  let latest = now
  for (const [place, meter] of meters.entries()) {
    if (meter.free(now) >= permits) continue
    const at = meter.moment(now, permits)
    if (refusedBy === undefined || at > latest) {
      refusedBy = place
      latest = at
    }
  }
  return { refusedBy, at: latest }
}
