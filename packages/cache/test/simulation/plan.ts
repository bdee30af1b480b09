import type { NetworkPlan } from './network.ts'
import type { Random } from './scheduler.ts'
import type { SourcePlan } from './source.ts'

/** What can go wrong, apart from single commands and messages. */
const FAULTS = [
  'stop',
  'suspend',
  'step',
  'deaf',
  'resubscribe',
  'cut',
  'reset',
  'crash',
  'restart empty',
  'restart from snapshot',
  'failover',
  'flushall',
  'rollback',
  'trim log',
  'drop marker',
  'evict',
  'delete head',
  'foreign key',
] as const
export type Fault = (typeof FAULTS)[number]

export interface Plan {
  /** T. */
  readonly maxStaleness: number
  readonly replicas: number
  readonly ids: readonly string[]
  readonly network: NetworkPlan
  readonly source: SourcePlan
  readonly batchLoads: boolean
  readonly hardTimeout: number
  readonly fillLease: number
  readonly ttl: number
  readonly staleWhileRevalidate: number
  readonly earlyRefresh: number
  readonly staleIfError: number
  readonly softTimeout: number
  /** Between two reads of one process, on average. */
  readonly readEvery: number
  /** Between two writes of the fleet. */
  readonly writeEvery: number
  readonly intentLifetime: number
  /** How many writers die between their commit and what comes after it. */
  readonly dies: number
  /** How long reads, writes and faults go on. */
  readonly busy: number
  readonly faults: readonly { readonly time: number; readonly fault: Fault }[]
  /** Whether clocks run alike. */
  readonly drift: number
  /** Nothing goes wrong at all: then there is one load in the whole fleet. */
  readonly calm: boolean
  /** Goes on until the youth of an incarnation has ended. */
  readonly long: boolean
}

/** Writers that die while Redis forgets their intents: only the youth of an incarnation bounds what that leaves behind. */
function orphansOf(random: Random): Plan {
  const plan = planOf(random)
  const T = 500
  const busy = T * 4
  return {
    ...plan,
    maxStaleness: T,
    ids: ['a1', 'b1'],
    network: {
      ...plan.network,
      delay: [0.5, 5],
      slow: 0,
      loseRequest: 0,
      loseReply: 0,
      loseMessage: 0,
      repeatMessage: 0,
    },
    source: { takes: [2, 20], fails: 0 },
    ttl: 600_000,
    readEvery: T / 20,
    writeEvery: T / 3,
    intentLifetime: T,
    busy,
    dies: 0.5,
    faults: Array.from({ length: 6 }, (_, at) => ({
      time: (busy * (at + random.next())) / 6,
      fault: 'flushall',
    })),
    calm: false,
    long: true,
  }
}

/** Redis goes back to what it knew a moment ago, again and again, and goes on from there, on the same server. */
function forksOf(random: Random): Plan {
  const plan = planOf(random)
  const T = plan.maxStaleness
  const busy = T * 4
  return {
    ...plan,
    network: {
      ...plan.network,
      delay: [T / 1000, T / 100],
      slow: 0,
      loseRequest: 0,
      loseReply: 0,
      loseMessage: 0.3,
    },
    ttl: 600_000,
    readEvery: T / 10,
    writeEvery: T / 15,
    busy,
    faults: Array.from({ length: 8 }, (_, at) => ({
      time: (busy * (at + random.next())) / 8,
      fault: 'rollback',
    })),
    calm: false,
  }
}

/** Loads that outlast the patience of who asked, who is given what has expired: they end when nobody waits for them. */
function outlastedOf(random: Random): Plan {
  const plan = planOf(random)
  const T = plan.maxStaleness
  return {
    ...plan,
    network: { ...plan.network, delay: [T / 1000, T / 200], slow: 0, loseRequest: 0, loseReply: 0 },
    source: { takes: [T / 4, T * 0.9], fails: 0.1 },
    hardTimeout: T * 2,
    ttl: T * random.between(0.1, 0.3),
    staleIfError: T * 4,
    softTimeout: T * random.between(0.01, 0.05),
    readEvery: T / 2,
    writeEvery: T / 3,
    busy: T * 6,
    faults: [],
    calm: false,
  }
}

/** From which histories a seed draws: all kinds, or of one kind that is rare among them. */
export const PROFILES = { any: planOf, orphans: orphansOf, forks: forksOf, outlasted: outlastedOf }
export type Profile = keyof typeof PROFILES

/** Draws a configuration: each seed another mix of faults, delays and work. */
function planOf(random: Random): Plan {
  const calm = random.chance(0.08)
  const long = !calm && random.chance(0.03)
  const maxStaleness = random.pick([500, 1000, 2000])
  const T = maxStaleness
  const mix = FAULTS.filter((fault) => random.chance(0.25) || (long && fault === 'flushall'))
  const busy = T * random.between(2, 4)
  const count = calm || mix.length === 0 ? 0 : random.below(9)
  const faults = Array.from({ length: count }, () => ({
    time: random.between(T / 4, busy),
    fault: mix[random.below(mix.length)] ?? 'stop',
  })).toSorted((one, other) => one.time - other.time)
  const shaky = !calm && random.chance(0.6)
  const lossy = (most: number) => (shaky && random.chance(0.6) ? random.between(0, most) : 0)
  const delay = random.pick([T / 500, T / 100, T / 30])
  const longest = random.pick([T / 20, T / 5, T * 0.8])
  // A reader waits no longer for another's load than for one of his own.
  const patient = calm ? 5 : random.between(1, 3)
  return {
    maxStaleness,
    replicas: random.pick([2, 2, 3, 3, 4]),
    ids: random.chance(0.5) ? ['a1', 'b1'] : ['a1', 'a2', 'b1'],
    network: {
      delay: [delay / 4, delay],
      slow: lossy(0.1),
      slowUpTo: random.between(delay * 2, T * 1.5),
      loseRequest: lossy(0.03),
      loseReply: lossy(0.03),
      loseMessage: lossy(random.chance(0.2) ? 0.9 : 0.3),
      repeatMessage: lossy(0.2),
      ordered: random.chance(0.6),
      commandTimeout: T * random.between(0.2, 1),
      probeEvery: T * random.between(0.1, 0.5),
    },
    source: { takes: [T / 200, calm ? T / 20 : longest], fails: lossy(0.2) },
    batchLoads: random.chance(0.3),
    hardTimeout: T * patient,
    fillLease: T * random.between(0.3, 2),
    ttl: random.chance(0.3) ? T * random.between(0.3, 2) : 600_000,
    staleWhileRevalidate: random.chance(0.2) ? T : 0,
    earlyRefresh: random.below(2),
    staleIfError: random.chance(0.2) ? T * 3 : 0,
    softTimeout: Number.POSITIVE_INFINITY,
    readEvery: T * random.between(0.05, 0.3),
    writeEvery: T * random.between(0.15, 1),
    intentLifetime: T * random.between(0.5, 2),
    dies: calm || !(long || random.chance(0.25)) ? 0 : random.between(0, 0.5),
    busy,
    faults,
    drift: random.chance(0.5) ? random.between(0, 5e-4) : 0,
    calm,
    long,
  }
}
