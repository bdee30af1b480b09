import type { Store } from '../ports.ts'
import type { Invalidated, Writes } from './writes.ts'

/**
 * Evicts what a glob matches. First, as one prefix, all that begins as the glob does before its first wildcard: that reaches
 * what lies in no Redis, and loads under way. Then, entry by entry, what lies in Redis, which says how many.
 */
export async function sweep(store: Store, writes: Writes, glob: string): Promise<Invalidated> {
  const literal = /^(?:[^*?[\\]|\\.)*/s.exec(glob)?.[0].replaceAll(/\\(.)/gs, '$1') ?? ''
  const all = await writes.invalidate([`p:${literal}`])
  let removed = 0
  let { outcome } = all
  try {
    for await (const names of store.scan(glob)) {
      if (names.length === 0) continue
      const batch = await writes.invalidate(names.map((name) => `k:${name}` as const))
      removed += batch.removed
      if (batch.outcome === 'pending') outcome = 'pending'
    }
  } catch {
    // What matches reads as absent already; only the count falls short.
  }
  return { ...all, outcome, removed }
}
