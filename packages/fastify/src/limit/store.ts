import { callbackify } from 'node:util'
import {
  type Decision,
  type Limiter,
  LimitPolicyError,
  type Policy,
  type PolicyOptions,
} from '@lockstep/coordination'
import { limitStoreUnavailable, RouteLimitError } from './errors.ts'
import { secondsOf } from './headers.ts'

export interface RateLimitStoreOptions
  extends Pick<PolicyOptions, 'kind' | 'whenAway' | 'shadow' | 'denyCache' | 'storeTimeout'> {
  /** Begins the names of the policies that it makes: `rate-limit-100-60000` is 100 in 60,000 ms. */
  readonly name?: string
  /** How many pairs of max and timeWindow there can be. Default 100. */
  readonly maxPolicies?: number
}

type Callback = (error: Error | null, result?: { current: number; ttl: number }) => void

/** What `@fastify/rate-limit` asks. */
export interface RateLimitStore {
  /** Takes a permit. */
  incr(key: string, callback: Callback, timeWindow: number, max: number): void
  /** Says what {@link incr} would, and takes none: for `createRateLimit` with `increment: false`. */
  read(key: string, callback: Callback, timeWindow: number, max: number): void
  /** A store for one route, with permits of its own. */
  child(routeOptions: object): RateLimitStore
}

/**
 * A `store` for `@fastify/rate-limit`, whose own over-admit twice the max around the end of a window. It refuses what has
 * more than `max` for `current`, so that is what a refusal is told as; what was admitted has at most `max`.
 */
export function rateLimitStore(
  limiter: Limiter,
  options: RateLimitStoreOptions = {},
): new (
  given?: object,
) => RateLimitStore {
  const policies = policiesBy(limiter, options)

  async function ask(mode: 'consume' | 'peek', key: string, timeWindow: number, max: number) {
    // A max of 0 or less refuses all; so does @fastify/rate-limit.
    if (max < 1) return { current: Math.max(0, max) + 1, ttl: timeWindow }
    const policy = policies(Math.floor(max), Math.ceil(timeWindow))
    return resultOf(await policy[mode](key), policy.name, Math.floor(max))
  }

  return class Store implements RateLimitStore {
    readonly #scope: string

    constructor(given: object = {}) {
      refuseWhatCounts(given)
      this.#scope = scopeOf(given)
    }

    incr(key: string, callback: Callback, timeWindow: number, max: number): void {
      this.#answer('consume', key, callback, timeWindow, max)
    }

    read(key: string, callback: Callback, timeWindow: number, max: number): void {
      this.#answer('peek', key, callback, timeWindow, max)
    }

    child(routeOptions: object): RateLimitStore {
      return new Store(routeOptions)
    }

    #answer(mode: 'consume' | 'peek', key: string, callback: Callback, timeWindow: number, max: number) {
      callbackify(() => ask(mode, `${this.#scope} ${key}`, timeWindow, max))(callback)
    }
  }
}

function resultOf(decision: Decision, policy: string, max: number) {
  const { allowed, source, remaining, resetMs, retryAfterMs } = decision
  if (allowed) return { current: Math.min(max, Math.max(0, max - remaining)), ttl: resetMs }
  if (source === 'fallback') throw limitStoreUnavailable(policy, secondsOf(retryAfterMs))
  return { current: max + 1, ttl: Math.max(1, retryAfterMs) }
}

/** Policies made when they are first asked. A limiter keeps each for ever, so there are only so many. */
function policiesBy(limiter: Limiter, options: RateLimitStoreOptions) {
  const { name = 'rate-limit', maxPolicies = 100, ...common } = options
  const known = new Map<string, Policy>()
  return (limit: number, window: number): Policy => {
    const pair = `${name}-${limit}-${window}`
    let policy = known.get(pair)
    if (policy !== undefined) return policy
    if (known.size >= maxPolicies) {
      throw new RouteLimitError(
        `the store ${name}`,
        `there are more than ${maxPolicies} pairs of max and timeWindow: take fewer, or raise maxPolicies`,
      )
    }
    try {
      policy = limiter.policy({ ...common, name: pair, limit, window })
    } catch (error) {
      if (!(error instanceof LimitPolicyError)) throw error
      throw new RouteLimitError(`the store ${name}`, error.message, { cause: error })
    }
    known.set(pair, policy)
    return policy
  }
}

/** What needs refused requests to be counted, and they are not. */
function refuseWhatCounts(given: object): void {
  const options = new Map<string, unknown>(Object.entries(given))
  const name = ['continueExceeding', 'exponentialBackoff'].find((one) => options.get(one) === true)
  const wrong = name ?? (Number(options.get('ban') ?? 0) > 0 ? 'ban' : undefined)
  if (wrong === undefined) return
  throw new RouteLimitError(whereOf(given), `${wrong} counts what was refused, and this store does not`)
}

/** The route that a store is for; undefined for the one of the instance. */
function routeOf(given: object): { method: unknown; url: unknown } | undefined {
  const route = 'routeInfo' in given ? given.routeInfo : undefined
  const known = typeof route === 'object' && route !== null && 'method' in route && 'url' in route
  return known ? { method: route.method, url: route.url } : undefined
}

function whereOf(given: object): string {
  const route = routeOf(given)
  return route ? `${[route.method].flat().join()} ${String(route.url)}` : '@fastify/rate-limit'
}

/** Names the route without a space: what comes behind the first one in a key is the caller's. */
const scopeOf = (given: object): string =>
  routeOf(given) ? encodeURI(whereOf(given).replaceAll(' ', '')) : '*'
