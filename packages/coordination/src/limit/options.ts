import { createHash } from 'node:crypto'
import { type Duration, toMilliseconds } from '@lockstep/settings'
import { LimitCostError, LimitKeyError, LimitPolicyError } from './errors.ts'
import { type Kind, type Tier, type TierOptions, tierOf } from './tiers.ts'

/** What happens to a request while Redis does not answer: it passes, is refused, or is counted in this process alone. */
export type WhenAway = 'open' | 'closed' | 'local'

interface CommonOptions {
  /** Names it in keys, metrics and headers: a letter, then letters, digits, `_`, `.` or `-`, 64 characters at most. */
  readonly name: string
  /** Default `sliding`. */
  readonly kind?: Kind
  /** Default `local`. */
  readonly whenAway?: WhenAway
  /** Counts and reports, and refuses nobody. */
  readonly shadow?: boolean
  /**
   * For keys that this process is asked about often: it takes up to so many permits at once, and spends them without Redis
   * within the same tenth of a window. What it does not spend is lost. Only for `sliding`.
   */
  readonly lease?: { readonly permits: number }
  /** Whether a key that was refused is refused here, without Redis, until it can succeed. Default true. */
  readonly denyCache?: boolean
  /** The longest that a request waits for Redis. Default 40 ms. */
  readonly storeTimeout?: Duration
}

/** One limit, or several that must all have permits left. */
export type PolicyOptions = CommonOptions & (TierOptions | { readonly tiers: readonly TierOptions[] })

/** A policy that has been checked. */
export interface PolicySpec {
  readonly name: string
  readonly kind: Kind
  readonly tiers: readonly Tier[]
  readonly whenAway: WhenAway
  readonly shadow: boolean
  /** 0 when it leases none. */
  readonly leasePermits: number
  readonly denyCache: boolean
  /** In ms. */
  readonly storeTimeout: number
  /** The most permits that it ever gives at once. */
  readonly most: number
  /** What its meters are kept under: meters of another kind, or other windows, would be misread. */
  readonly id: string
}

const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/
const MAX_TIERS = 8
const MAX_LEASE = 1000
const MAX_KEY = 128

/** @throws {LimitPolicyError} naming the option that is wrong */
export function policySpec(options: PolicyOptions): PolicySpec {
  const { name, kind = 'sliding', whenAway = 'local', shadow = false, lease, denyCache = true } = options
  const fail = (problem: string): never => {
    throw new LimitPolicyError(name, problem)
  }
  if (!NAME.test(name)) {
    fail("has a name that is not a letter and up to 63 more of letters, digits, '_', '.' or '-'")
  }
  if (!['sliding', 'exact', 'smooth'].includes(kind)) {
    fail(`has the kind ${JSON.stringify(kind)}, which is none of sliding, exact and smooth`)
  }
  if (!['open', 'closed', 'local'].includes(whenAway)) {
    fail(`has whenAway ${JSON.stringify(whenAway)}, which is none of open, closed and local`)
  }
  const given = 'tiers' in options ? options.tiers : [options]
  if (given.length < 1 || given.length > MAX_TIERS) fail(`has ${given.length} tiers, not 1 to ${MAX_TIERS}`)
  const tiers = given.map((tier) => tierOf(kind, tier, fail))
  const windows = tiers.map(({ window }) => window)
  if (new Set(windows).size < tiers.length) fail('has two tiers of the same window: keep the smaller limit')
  const leasePermits = lease?.permits ?? 0
  if (lease !== undefined && kind !== 'sliding') fail(`is ${kind} and leases permits: only 'sliding' can`)
  if (
    lease !== undefined &&
    !(Number.isInteger(leasePermits) && leasePermits > 0 && leasePermits <= MAX_LEASE)
  ) {
    fail(`leases ${leasePermits} permits, not a whole number from 1 to ${MAX_LEASE}`)
  }
  const storeTimeout = toMilliseconds(options.storeTimeout ?? '40ms', 'storeTimeout')
  if (storeTimeout <= 0) fail('has the storeTimeout 0: it would never wait for Redis')
  return {
    name,
    kind,
    tiers,
    whenAway,
    shadow,
    leasePermits,
    denyCache,
    storeTimeout,
    most: Math.min(...tiers.map(({ most }) => most)),
    id: `${name}:${kind.slice(0, 2)}${windows.join('-')}`,
  }
}

/**
 * What a key's meters are kept under. A long one is kept as its SHA-256; so is one that looks like that, so that nobody
 * can name the meters of another.
 *
 * @throws {LimitKeyError} when there is none
 */
export function meterName({ id, name }: PolicySpec, key: string): string {
  if (typeof key !== 'string' || key === '') throw new LimitKeyError(name)
  if (key.length <= MAX_KEY && !key.startsWith('#')) return `${id}:${key}`
  return `${id}:#${createHash('sha256').update(key).digest('base64url')}`
}

/** @throws {LimitCostError} when the policy can never give so many permits at once */
export function checkCost({ name, most }: PolicySpec, cost: number): void {
  if (!Number.isInteger(cost) || cost < 1 || cost > most) throw new LimitCostError(name, cost, most)
}
