/** What a cache object has counted since it was made. */
export interface CacheStats {
  l1Hits: number
  l2Hits: number
  /** Reads that neither tier could answer, so that the source was asked. */
  misses: number
  /** Runs of a loader; callers who shared one count once. */
  loads: number
  loadErrors: number
  /** Calls to L2 that failed; the reads went on without it. */
  l2Errors: number
  /** Results not stored because an invalidation overtook them. */
  fenced: number
  /** Invalidations sent by this process. */
  invalidations: number
  /** Invalidations that Redis has not executed yet. */
  pending: number
  /** Messages heard from others. */
  messages: number
}

export const noStats = (): CacheStats => ({
  l1Hits: 0,
  l2Hits: 0,
  misses: 0,
  loads: 0,
  loadErrors: 0,
  l2Errors: 0,
  fenced: 0,
  invalidations: 0,
  pending: 0,
  messages: 0,
})
