import type { Metric } from '@lockstep/redis'
import type { CacheCounts, CacheStats } from './stats.ts'

const OF_A_CACHE: readonly [keyof CacheCounts | 'entries' | 'bytes', string, string, 'counter' | 'gauge'][] =
  [
    ['misses', 'misses_total', 'Reads that neither tier could answer', 'counter'],
    ['staleHits', 'stale_hits_total', 'Hits past their freshness', 'counter'],
    ['loads', 'loads_total', 'Runs of the loader', 'counter'],
    ['loadErrors', 'load_errors_total', 'Runs of the loader that failed', 'counter'],
    ['fenced', 'fenced_total', 'Results that an invalidation overtook', 'counter'],
    ['unstorable', 'unstorable_total', 'Values that cannot be encoded, or are too large', 'counter'],
    ['entries', 'l1_entries', 'Entries in L1', 'gauge'],
    ['bytes', 'l1_bytes', 'Bytes in L1, as encoded', 'gauge'],
  ]

const OF_A_PROCESS: readonly [
  Exclude<keyof CacheStats, keyof CacheCounts | 'caches' | 'hitRate'>,
  string,
  string,
  'counter' | 'gauge',
][] = [
  ['l2Errors', 'l2_errors_total', 'Calls to Redis that failed', 'counter'],
  ['invalidations', 'invalidations_total', 'Invalidations sent', 'counter'],
  ['pending', 'invalidations_pending', 'Items invalidated here that Redis does not know of', 'gauge'],
  ['messages', 'messages_total', 'Messages heard', 'counter'],
  ['flushes', 'flushes_total', 'Flushes of L1 because nobody could say what was missed', 'counter'],
  ['rotations', 'rotations_total', 'Incarnations begun because Redis lost history', 'counter'],
]

/** What a cache object has counted, to be read whenever it is scraped: counting costs a hit nothing. */
export function metricsOf(stats: CacheStats, live: boolean): Metric[] {
  const metrics: Metric[] = []
  const add = (
    name: string,
    help: string,
    type: Metric['type'],
    value: number,
    labels: Metric['labels'] = {},
  ) => {
    metrics.push({ name: `lockstep_cache_${name}`, help, type, labels, value })
  }
  for (const [cache, counts] of Object.entries(stats.caches)) {
    for (const [tier, hits] of [['l1', counts.l1Hits] as const, ['l2', counts.l2Hits] as const]) {
      add('hits_total', 'Reads that a tier answered', 'counter', hits, { cache, tier })
    }
    for (const [field, name, help, type] of OF_A_CACHE) add(name, help, type, counts[field], { cache })
  }
  for (const [field, name, help, type] of OF_A_PROCESS) add(name, help, type, stats[field])
  add('live', '1 while L1 may be served', 'gauge', live ? 1 : 0)
  return metrics
}
