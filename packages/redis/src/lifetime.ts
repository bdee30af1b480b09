import { type Duration, toMilliseconds } from '@lockstep/settings'

/** A key's lifetime in whole milliseconds, and one at least: Redis refuses none. @throws {RangeError} for no duration */
export const lifetime = (ttl: Duration): number => Math.max(1, Math.ceil(toMilliseconds(ttl, 'ttl')))
