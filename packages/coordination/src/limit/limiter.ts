import {
  type Clock,
  keySpace,
  type Logger,
  type Metric,
  type RedisLink,
  realTime,
  systemClock,
} from '@lockstep/redis'
import type { PolicyStats } from './counts.ts'
import { LimitPolicyError } from './errors.ts'
import { type PolicyOptions, policySpec } from './options.ts'
import { LimitPolicy, type Policy } from './policy.ts'
import { redisStore } from './redis-store.ts'
import { scriptOf } from './scripts.ts'

export interface LimiterOptions {
  /** A link of `@lockstep/redis`. */
  readonly redis: Pick<RedisLink, 'run' | 'shards'>
  /** Begins every key and names the instance; others on the same Redis are not disturbed. */
  readonly prefix: string
  readonly logger: Logger
  readonly clock?: Clock
}

/** The limits of a service. It holds no connection and no timer, so there is nothing to close. */
export interface Limiter {
  /** @throws {LimitPolicyError} for one that is defined wrongly, or twice */
  policy(options: PolicyOptions): Policy
  /** What each policy has decided since it was made, by its name. */
  stats(): Readonly<Record<string, PolicyStats>>
  /** The same for Prometheus and OpenTelemetry, labelled by policy and never by key. */
  metrics(): Metric[]
}

/**
 * Limits over all processes that share a Redis: no window of a tier, wherever it begins in the server's time, holds more
 * permits than its limit.
 */
export function createLimiter({ redis, prefix, logger, clock = systemClock }: LimiterOptions): Limiter {
  const keys = keySpace(prefix, redis.shards)
  const time = realTime(clock)
  const policies = new Map<string, LimitPolicy>()
  return {
    policy(options) {
      const spec = policySpec(options)
      if (policies.has(spec.name)) throw new LimitPolicyError(spec.name, 'is defined twice: share the first')
      const store = redisStore(redis, keys, spec.name, spec.tiers, scriptOf(spec.kind))
      const policy = new LimitPolicy(spec, store, time, logger)
      policies.set(spec.name, policy)
      return policy
    },
    stats: () => Object.fromEntries([...policies].map(([name, policy]) => [name, policy.stats()])),
    metrics: () => [...policies.values()].flatMap((policy) => policy.metrics()),
  }
}
