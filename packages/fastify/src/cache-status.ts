import type { Degraded, Reading } from '@lockstep/cache'

/** For these the source was asked past both caches. */
const PAST_BOTH: ReadonlySet<Degraded> = new Set(['l2-away', 'invalidating', 'writing'])

/**
 * Where a value came from, as a `Cache-Status` header (RFC 9211): the caches in the order from the source to the client,
 * `lockstep-l2` being Redis and `lockstep-l1` the memory of the replica that answers. A `ttl` below 0 is the age of a
 * value that is served past its freshness.
 */
export function cacheStatus({ from, ttl, stored, degraded }: Reading<unknown>): string {
  const why = degraded === undefined ? '' : `; detail=${degraded}`
  const hit = `hit; ttl=${Math.floor(ttl / 1000)}${why}`
  if (from === 'l1') return `lockstep-l1; ${hit}`
  if (degraded !== undefined && PAST_BOTH.has(degraded) && from === 'source') {
    return `lockstep-l2; fwd=bypass${why}, lockstep-l1; fwd=bypass${why}`
  }
  return `lockstep-l2; ${from === 'l2' ? hit : `fwd=miss${why}`}, lockstep-l1; fwd=miss${stored ? '; stored' : ''}`
}
