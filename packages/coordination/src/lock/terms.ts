import { type Duration, toMilliseconds } from '@lockstep/settings'
import { LockOptionError } from './errors.ts'

export interface TryOptions {
  /**
   * How long the lock outlives a holder that has died: the lease, which is renewed at a third of it. Default 10 s, between
   * 10 ms and an hour.
   */
  readonly ttl?: Duration
  /** The longest that it is renewed: a holder that hangs loses it then. Default an hour. */
  readonly maxHold?: Duration
}

export interface AcquireOptions extends TryOptions {
  /** The longest that the caller waits. Default 5 s. */
  readonly wait?: Duration
  /** Ends the wait early; `acquire` rejects with its reason. */
  readonly signal?: AbortSignal
}

export interface Terms {
  readonly ttl: number
  readonly wait: number
  readonly maxHold: number
}

export const DEFAULT_TERMS: Terms = { ttl: 10_000, wait: 5_000, maxHold: 3_600_000 }

const SHORTEST_TTL = 10
/** Well below the time for which a fence is remembered. */
const LONGEST_TTL = 3_600_000
/** The longest that a timer of Node can wait. */
const LONGEST = 2 ** 31 - 1
const LONGEST_NAME = 512

/** @throws {LockOptionError | DurationError} naming the option that is wrong */
export function termsOf(options: Omit<AcquireOptions, 'signal'>, defaults: Terms): Terms {
  if (options.ttl === undefined && options.wait === undefined && options.maxHold === undefined)
    return defaults
  const ms = (name: keyof Terms, least: number, most: number): number => {
    const given = options[name]
    const length = given === undefined ? defaults[name] : toMilliseconds(given, name)
    if (length < least || length > most)
      throw new LockOptionError(`${name} must be between ${least} and ${most} ms, not ${length}`)
    return Math.ceil(length)
  }
  return {
    ttl: ms('ttl', SHORTEST_TTL, LONGEST_TTL),
    wait: ms('wait', 0, LONGEST),
    maxHold: ms('maxHold', SHORTEST_TTL, LONGEST),
  }
}

/** @throws {LockOptionError} when it cannot name a resource */
export function resourceOf(name: string): string {
  if (typeof name === 'string' && name.length > 0 && name.length <= LONGEST_NAME) return name
  throw new LockOptionError(`A resource is named by a text of 1 to ${LONGEST_NAME} characters`)
}
