import type { Reading } from '@lockstep/cache'

/**
 * Where a value came from, as a `Cache-Status` header (RFC 9211): the caches in the order from the source to the client,
 * `lockstep-l2` being Redis and `lockstep-l1` the memory of the replica that answers.
 */
export function cacheStatus({ from, ttl, bypass, l2Bypass }: Reading<unknown>): string {
  const hit = `hit; ttl=${Math.floor(ttl / 1000)}`
  if (from === 'l1') return `lockstep-l1; ${hit}`
  const l1 = bypass ? `fwd=bypass; detail=${bypass}` : 'fwd=miss; stored'
  const l2 = l2Bypass ? `fwd=bypass; detail=${l2Bypass}` : 'fwd=miss'
  return `lockstep-l2; ${from === 'l2' ? hit : l2}, lockstep-l1; ${l1}`
}
