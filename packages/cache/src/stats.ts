/** What one named cache has counted since it was made. */
export interface CacheCounts {
  l1Hits: number
  l2Hits: number
  /** Reads that neither tier could answer, so that the source was asked. */
  misses: number
  /** Hits past their freshness, of either tier. */
  staleHits: number
  /** Runs of a loader; callers who shared one count once. */
  loads: number
  loadErrors: number
  /** Results not stored because an invalidation overtook them. */
  fenced: number
  /** Values not cached because they cannot be encoded, or are too large. */
  unstorable: number
}

/** What a cache object has counted since it was made. */
export interface CacheStats extends CacheCounts {
  /** Hits of both tiers among all reads, from 0 to 100, to two decimals. */
  readonly hitRate: number
  /** Calls to L2 that failed; the reads went on without it. */
  l2Errors: number
  /** Invalidations sent by this process. */
  invalidations: number
  /** Items invalidated here that Redis does not know of yet. */
  pending: number
  /** Messages heard. */
  messages: number
  /** How often L1 was flushed because nobody could say what was missed. */
  flushes: number
  /** How often this process began a new incarnation, because history was lost. */
  rotations: number
  readonly caches: Readonly<Record<string, CacheCounts & { entries: number; bytes: number }>>
}

export const noCounts = (): CacheCounts => ({
  l1Hits: 0,
  l2Hits: 0,
  misses: 0,
  staleHits: 0,
  loads: 0,
  loadErrors: 0,
  fenced: 0,
  unstorable: 0,
})

/** The process's own counts, apart from those of its caches. */
export const noProcessCounts = () => ({
  l2Errors: 0,
  invalidations: 0,
  messages: 0,
  flushes: 0,
  rotations: 0,
})

export type ProcessCounts = ReturnType<typeof noProcessCounts>

/** The sum of the counts of caches, with the hit rate. */
export function totalOf(all: readonly CacheCounts[]): CacheCounts & { hitRate: number } {
  const total = noCounts()
  for (const counts of all) {
    total.l1Hits += counts.l1Hits
    total.l2Hits += counts.l2Hits
    total.misses += counts.misses
    total.staleHits += counts.staleHits
    total.loads += counts.loads
    total.loadErrors += counts.loadErrors
    total.fenced += counts.fenced
    total.unstorable += counts.unstorable
  }
  const reads = total.l1Hits + total.l2Hits + total.misses
  const hits = total.l1Hits + total.l2Hits
  return { ...total, hitRate: reads === 0 ? 0 : Math.round((hits / reads) * 10_000) / 100 }
}
