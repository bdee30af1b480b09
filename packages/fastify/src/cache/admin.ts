import { hash, timingSafeEqual } from 'node:crypto'
import type { Cache } from '@lockstep/cache'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { Problem, ProblemError } from '../problem.ts'
import { figuresOf, type RedisInfo } from './redis-info.ts'

export interface CacheAdminOptions {
  readonly cache: Cache
  /** `ADMIN_TOKEN`. Without one there are no admin routes: they answer 404, as anything that is not there. */
  readonly token?: string | undefined
  /** The link to Redis, for its own figures. */
  readonly redis?: RedisInfo
}

const Counts = {
  hits: Type.Object({ l1: Type.Integer(), l2: Type.Integer(), stale: Type.Integer() }),
  misses: Type.Integer(),
  loads: Type.Integer(),
  errors: Type.Object({ loads: Type.Integer(), l2: Type.Optional(Type.Integer()) }),
  fenced: Type.Integer(),
  unstorable: Type.Integer(),
}
const Stats = Type.Object({
  ...Counts,
  hitRate: Type.Number({ description: 'Percent of the reads that a tier answered, to two decimals' }),
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
    absent: Type.Optional(Type.String({ description: 'Why there are no figures' })),
  }),
})
const Cleared = Type.Object({
  pattern: Type.String(),
  removed: Type.Integer({ description: 'Entries that lay in Redis and are gone' }),
  outcome: Type.Enum(['applied', 'pending'], { description: 'pending: Redis is away, it is tried again' }),
})
const ClearQuery = Type.Object({
  pattern: Type.String({
    minLength: 1,
    maxLength: 200,
    pattern: String.raw`^[^\u0000-\u0020\u007f]+$`,
    description: 'A glob over names such as books:v1:42; * for all',
  }),
})
const content = { 'application/problem+json': { schema: Problem } }
const refusals = { 400: { description: 'Problem', content }, 401: { description: 'Problem', content } }
const schemaOf = (summary: string, answer: Type.TObject) => ({
  tags: ['admin'],
  summary,
  response: { 200: answer, ...refusals },
})

/** What this replica's cache has counted, and a way to clear the cache of the whole fleet: for whoever has the token (A2). */
export const cacheAdminPlugin: FastifyPluginAsync<CacheAdminOptions> = async (
  app,
  { cache, token, redis },
) => {
  if (token === undefined) return
  app.addHook('onRequest', async (request, reply) => {
    if (holds(request, token)) return
    reply.header('www-authenticate', 'Bearer realm="admin"')
    throw new ProblemError({
      status: 401,
      code: 'ADMIN_TOKEN_REQUIRED',
      title: 'Unauthorized',
      detail: 'This needs Authorization: Bearer with the ADMIN_TOKEN of the service',
    })
  })
  app.get(
    '/cache/stats',
    { schema: schemaOf('What the cache of this replica has counted', Stats) },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store')
      return { ...statsOf(cache), redis: await redisOf(redis) }
    },
  )
  app.delete<{ Querystring: { pattern: string } }>(
    '/cache/clear',
    {
      schema: {
        ...schemaOf('Evicts the entries whose names match, in the whole fleet', Cleared),
        querystring: ClearQuery,
      },
    },
    async ({ query: { pattern }, log }) => {
      const { removed, outcome } = await cache.invalidatePattern(pattern)
      log.info({ pattern, removed, outcome }, 'the cache was cleared by an admin')
      return { pattern, removed, outcome }
    },
  )
}

/** Compared by their hashes, in constant time: neither the length nor the beginning of the token can be guessed at. */
function holds({ headers }: FastifyRequest, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', token, 'buffer'))
}

function statsOf(cache: Cache) {
  const { hitRate, l2Errors, invalidations, pending, messages, flushes, rotations, caches, ...counts } =
    cache.stats()
  const total = countsOf(counts)
  return {
    ...total,
    errors: { ...total.errors, l2: l2Errors },
    hitRate,
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
  }
}

type Counted = ReturnType<Cache['stats']>['caches'][string]

const countsOf = (counts: Omit<Counted, 'entries' | 'bytes'>) => ({
  hits: { l1: counts.l1Hits, l2: counts.l2Hits, stale: counts.staleHits },
  misses: counts.misses,
  loads: counts.loads,
  errors: { loads: counts.loadErrors },
  fenced: counts.fenced,
  unstorable: counts.unstorable,
})

async function redisOf(redis: RedisInfo | undefined) {
  if (redis === undefined) return { absent: 'this service has no Redis' }
  return figuresOf(redis).catch(() => ({ absent: 'Redis does not answer' }))
}
