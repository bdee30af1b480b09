import { type Cache, DefinitionError, type Sweep, type Swept } from '@lockstep/cache'
import Type, { type Static } from 'typebox'
import { ProblemError } from '../problem.ts'

const text = (description: string, pattern = String.raw`^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$`) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern, description }))

/** The query of `DELETE /cache/clear`: exactly one of them. */
export const ClearQuery = Type.Object({
  pattern: text(
    'A glob over names such as books:v1:42: *, ? (also for a space), [a-z], and a backslash before a literal one',
    String.raw`^[^\s\p{Cc}\p{Cs}]+$`,
  ),
  tag: text('What entries are tagged with, such as author:Ana'),
  cache: text('A cache of this service with its version, such as books:v1'),
})

/** The answer. */
export const Cleared = Type.Object({
  pattern: Type.Optional(Type.String()),
  tag: Type.Optional(Type.String()),
  cache: Type.Optional(Type.String()),
  removed: Type.Integer({
    description:
      'Entries of this service that match, lay in Redis and are gone; what memories alone held is gone, too, but not counted',
  }),
  complete: Type.Boolean({
    description: 'Whether all of Redis was looked at; if not, there were perhaps more',
  }),
  outcome: Type.Enum(['applied', 'pending'], {
    description: 'pending: Redis is away; it is tried again until it is done or this replica ends',
  }),
})

/**
 * Evicts in the whole fleet what an admin names.
 *
 * @throws {ProblemError} 400 unless exactly one thing is named, and for a pattern that is not complete; 404 for a cache
 *   that this service does not have
 */
export async function clear(cache: Cache, query: Static<typeof ClearQuery>): Promise<Static<typeof Cleared>> {
  const what = sweepOf(query)
  if ('cache' in what && !Object.hasOwn(cache.stats().caches, what.cache)) throw noSuchCache(what.cache)
  const { removed, complete, outcome } = await sweep(cache, what)
  return { ...what, removed, complete, outcome }
}

function sweepOf({ pattern, tag, cache }: Static<typeof ClearQuery>): Sweep {
  const named = [
    ...(pattern === undefined ? [] : [{ pattern }]),
    ...(tag === undefined ? [] : [{ tag }]),
    ...(cache === undefined ? [] : [{ cache }]),
  ]
  const [what] = named
  if (what === undefined || named.length > 1)
    throw invalid('query', 'Name exactly one of pattern, tag and cache')
  return what
}

async function sweep(cache: Cache, what: Sweep): Promise<Swept> {
  try {
    return await cache.sweep(what)
  } catch (error) {
    if (error instanceof DefinitionError) throw invalid('query.pattern', error.message)
    throw error
  }
}

const invalid = (field: string, detail: string) =>
  new ProblemError({ status: 400, code: 'VALIDATION_FAILED', title: 'Bad Request', detail, field })

const noSuchCache = (name: string) =>
  new ProblemError({
    status: 404,
    code: 'CACHE_NOT_FOUND',
    title: 'Not Found',
    detail: `This service has no cache ${JSON.stringify(name)}; GET /cache/stats names those it has`,
  })
