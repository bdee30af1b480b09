import type { Clock, RedisLink } from '@lockstep/redis'
import { type Duration, toMilliseconds } from '@lockstep/settings'
import { DefinitionError } from './errors.ts'
import type { Logger, Transport } from './ports.ts'
import type { ShardEvent } from './tiers/shard.ts'

export interface CacheOptions {
  /** How this cache reaches the fleet: `redisTransport(link, { prefix })`, or `memoryTransport()` for one process. */
  readonly transport: Transport
  readonly logger: Logger
  /** T: no read returns what was invalidated in Redis longer ago than this, whatever happens. Default 2 s. */
  readonly maxStaleness?: Duration
  /** How long the fill lease of a loader that died keeps others waiting. Default 2 s. */
  readonly fillLease?: Duration
  /** What each named cache keeps in this process. */
  readonly l1?: {
    /** Default 10,000. */
    readonly maxEntries?: number
    /** In bytes as encoded. Default: as much as it has entries. */
    readonly maxBytes?: number
  }
  /** Is told of what an operator may want to know; `flushed` and `rotated` are counted, too. */
  readonly onEvent?: (event: CacheEvent) => void
  /** Is told how long each load took: for a histogram. */
  readonly onLoad?: (load: { readonly cache: string; readonly ms: number; readonly failed: boolean }) => void
  readonly clock?: Clock
  /** From 0 up to 1. */
  readonly random?: () => number
  /** Sixteen random characters. */
  readonly token?: () => string
  /** This process, as others know it. Default: a random one. */
  readonly id?: string
}

/** The same on a link of `@lockstep/redis`: its transport is made of it. */
export interface RedisCacheOptions extends Omit<CacheOptions, 'transport'> {
  readonly redis: RedisLink
  /** Begins every key and names the instance; others on the same Redis are not disturbed. */
  readonly prefix: string
}

/**
 * `live`: L1 may be served. `degraded`: it may not, because Redis is away or cannot be trusted. `flushed`: nobody could say
 * what was missed. `rotated`: Redis lost history; all of L2 reads as absent.
 */
export interface CacheEvent {
  readonly type: ShardEvent
  readonly shard: number
}

/** What bounds a cache object, in ms and numbers. */
export interface Bounds {
  readonly maxStaleness: number
  readonly fillLease: number
  readonly maxEntries: number
  readonly maxBytes: number | undefined
}

/**
 * @throws {DefinitionError} naming the option that is wrong
 * @throws {DurationError} naming the duration that is not one
 */
export function boundsOf({ maxStaleness = '2s', fillLease = '2s', l1 = {} }: CacheOptions): Bounds {
  const { maxEntries = 10_000, maxBytes } = l1
  for (const [option, value] of Object.entries({ maxEntries, maxBytes: maxBytes ?? 1 })) {
    if (!(Number.isInteger(value) && value > 0)) {
      throw new DefinitionError(`l1.${option} must be a whole number above 0, not ${value}`)
    }
  }
  return {
    maxStaleness: lengthOf('maxStaleness', maxStaleness),
    fillLease: lengthOf('fillLease', fillLease),
    maxEntries,
    maxBytes,
  }
}

function lengthOf(option: string, duration: Duration): number {
  const length = toMilliseconds(duration, option)
  if (length === 0) throw new DefinitionError(`${option} must be longer than 0`)
  return length
}
