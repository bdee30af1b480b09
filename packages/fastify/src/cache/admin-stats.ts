import type { Cache } from '@lockstep/cache'
import Type from 'typebox'
import { figuresOf, type RedisInfo } from './redis-info.ts'

const HitRate = Type.Number({ description: 'Percent of the reads that a tier answered, to two decimals' })
const Counts = {
  hits: Type.Object({ l1: Type.Integer(), l2: Type.Integer(), stale: Type.Integer() }),
  misses: Type.Integer(),
  hitRate: HitRate,
  loads: Type.Integer(),
  errors: Type.Object({ loads: Type.Integer(), l2: Type.Optional(Type.Integer()) }),
  fenced: Type.Integer(),
  unstorable: Type.Integer(),
}

/** The answer of `GET /cache/stats`. */
export const Stats = Type.Object({
  ...Counts,
  live: Type.Boolean({ description: 'Whether memory may answer now' }),
  invalidations: Type.Integer(),
  pending: Type.Integer({ description: 'Invalidations that wait for Redis' }),
  messages: Type.Integer(),
  flushes: Type.Integer(),
  rotations: Type.Integer(),
  caches: Type.Record(
    Type.String(),
    Type.Object({ ...Counts, entries: Type.Integer(), bytes: Type.Integer() }),
  ),
  redis: Type.Object({
    usedMemory: Type.Optional(Type.Integer({ description: 'Bytes' })),
    clients: Type.Optional(Type.Integer()),
    keyspaceHits: Type.Optional(Type.Integer()),
    keyspaceMisses: Type.Optional(Type.Integer()),
    hitRate: Type.Optional(Type.Number({ description: 'Percent of the look-ups of all its clients' })),
    absent: Type.Optional(Type.String({ description: 'Why there are no figures' })),
  }),
})

/** What this replica's cache has counted, by tier and by cache, and what Redis says of itself (requirement K11). */
export async function statsOf(
  cache: Cache,
  redis: RedisInfo | undefined,
): Promise<Type.Static<typeof Stats>> {
  const { l2Errors, invalidations, pending, messages, flushes, rotations, caches, ...counts } = cache.stats()
  const total = countsOf(counts)
  return {
    ...total,
    errors: { ...total.errors, l2: l2Errors },
    live: cache.live,
    invalidations,
    pending,
    messages,
    flushes,
    rotations,
    caches: Object.fromEntries(
      Object.entries(caches).map(([name, { entries, bytes, ...own }]) => [
        name,
        { ...countsOf(own), entries, bytes },
      ]),
    ),
    redis: await redisOf(redis),
  }
}

type Counted = ReturnType<Cache['stats']>['caches'][string]

function countsOf(counts: Omit<Counted, 'entries' | 'bytes'>) {
  const { l1Hits: l1, l2Hits: l2, staleHits: stale, misses } = counts
  return {
    hits: { l1, l2, stale },
    misses,
    hitRate: percent(l1 + l2, l1 + l2 + misses),
    loads: counts.loads,
    errors: { loads: counts.loadErrors },
    fenced: counts.fenced,
    unstorable: counts.unstorable,
  }
}

async function redisOf(redis: RedisInfo | undefined) {
  if (redis === undefined) return { absent: 'this service has no Redis' }
  try {
    const figures = await figuresOf(redis)
    const { keyspaceHits: hits, keyspaceMisses: misses } = figures
    return { ...figures, hitRate: percent(hits, hits + misses) }
  } catch {
    return { absent: 'Redis does not answer' }
  }
}

const percent = (part: number, whole: number): number =>
  whole === 0 ? 0 : Math.round((part / whole) * 10_000) / 100
