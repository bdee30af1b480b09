import { randomBytes } from 'node:crypto'
import { type Clock, type Logger, type RedisLink, systemClock } from '@lockstep/redis'
import { type Duration, toMilliseconds } from '@lockstep/settings'
import { LockEngine } from './engine.ts'
import { LockOptionError } from './errors.ts'
import { HeldFencedLock, HeldLock } from './held-lock.ts'
import type { FencedLock, Lock, Locks } from './lock.ts'
import { quorumOf } from './quorum.ts'
import { redisBackend } from './redis-backend.ts'
import { DEFAULT_TERMS, termsOf } from './terms.ts'

interface CommonOptions {
  /** Begins every key and names the instance on a shared Redis. */
  readonly prefix: string
  readonly logger: Logger
  /** For calls that say none. */
  readonly ttl?: Duration
  readonly wait?: Duration
  readonly maxHold?: Duration
  readonly clock?: Clock
}

export interface LocksOptions extends CommonOptions {
  /** The process's link to Redis: connections apart are opened beside it, and closed by `close`. */
  readonly redis: RedisLink
  /**
   * `wait`: a lock counts only when this many replicas have heard of it (1 unless told), so that a failover does not forget
   * it. They have 50 ms unless told, which must be less than REDIS_COMMAND_TIMEOUT.
   */
  readonly durability?: 'wait' | { readonly replicas: number; readonly within?: Duration }
}

export interface SemaphoreOptions extends Omit<LocksOptions, 'durability'> {
  /** How many may hold it at once. All processes must say the same. */
  readonly permits: number
}

export interface QuorumOptions extends CommonOptions {
  /** Links to independent servers, an odd number of them, 3 or more: not replicas of each other. */
  readonly servers: readonly RedisLink[]
}

/** Locks with a fence, kept in the Redis that a link leads to. @throws {LockOptionError} naming the option that is wrong */
export function createLocks(options: LocksOptions): Locks<FencedLock> {
  const { redis, prefix } = options
  const durability = durabilityOf(options.durability)
  const backend = redisBackend({ redis, prefix, kind: 'lock', permits: 1, id: newId(), durability })
  return new LockEngine({
    ...common(options, 'lock'),
    backend,
    make: (lease, { fence }): FencedLock => new HeldFencedLock(lease, fence),
  })
}

/** A counting semaphore for each resource, with the same queue. Its permits have no fence, since several are held at once. */
export function createSemaphores(options: SemaphoreOptions): Locks<Lock> {
  const { redis, prefix, permits } = options
  if (!Number.isSafeInteger(permits) || permits < 1)
    throw new LockOptionError(`permits must be a whole number from 1, not ${permits}`)
  const backend = redisBackend({ redis, prefix, kind: 'semaphore', permits, id: newId() })
  return new LockEngine({
    ...common(options, 'semaphore'),
    backend,
    make: (lease): Lock => new HeldLock(lease),
  })
}

/**
 * Locks that a majority of independent servers agree on (Redlock): one may be lost, with all it knew. There is no queue,
 * because the servers' heads may differ, and no fence, because none of them knows the last.
 *
 * @see https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
 */
export function createQuorumLocks(options: QuorumOptions): Locks<Lock> {
  const { servers, prefix } = options
  if (servers.length < 3 || servers.length % 2 === 0)
    throw new LockOptionError(`servers must be an odd number of links from 3, not ${servers.length}`)
  const id = newId()
  const backends = servers.map((redis) => redisBackend({ redis, prefix, kind: 'quorum', permits: 1, id }))
  return new LockEngine({
    ...common(options, 'quorum'),
    backend: quorumOf(backends, Math.random),
    make: (lease): Lock => new HeldLock(lease),
  })
}

/** Not to be guessed, and without the colon that divides it from what follows. */
const newId = () => randomBytes(12).toString('base64url')

const common = (options: CommonOptions, kind: string) => ({
  kind,
  logger: options.logger,
  clock: options.clock ?? systemClock,
  defaults: termsOf(options, DEFAULT_TERMS),
})

function durabilityOf(given: LocksOptions['durability']) {
  if (given === undefined) return undefined
  const { replicas, within = 50 }: { replicas: number; within?: Duration } =
    given === 'wait' ? { replicas: 1 } : given
  const ms = Math.ceil(toMilliseconds(within, 'durability.within'))
  // 0 would make WAIT wait for ever.
  if (Number.isSafeInteger(replicas) && replicas >= 1 && ms >= 1) return { replicas, within: ms }
  throw new LockOptionError(`durability must name 1 replica or more, and 1 ms or more`)
}
