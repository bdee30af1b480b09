import type { Cache } from '@lockstep/cache'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type Type from 'typebox'
import { Problem } from '../problem.ts'
import { admitAdmins } from './admin-access.ts'
import { Cleared, ClearQuery, clear } from './admin-clear.ts'
import { Connections, connectionsOf, Info, InfoQuery, infoOf } from './admin-redis.ts'
import { Stats, statsOf } from './admin-stats.ts'
import type { RedisInfo } from './redis-info.ts'

export interface CacheAdminOptions {
  readonly cache: Cache
  /** `ADMIN_TOKEN`, where no callers are known. Without one there are no admin routes then: they answer 404. */
  readonly token?: string | undefined
  /** The link to Redis, for its own figures. */
  readonly redis?: RedisInfo
}

const content = { 'application/problem+json': { schema: Problem } }
const schemaOf = (summary: string, answer: Type.TObject, ...statuses: number[]) => ({
  tags: ['admin'],
  summary,
  response: {
    200: answer,
    ...Object.fromEntries(
      [400, 401, 403, ...statuses].map((status) => [status, { description: 'Problem', content }]),
    ),
  },
})

/**
 * What an admin sees of a service's cache and its Redis, and a way to clear the cache of the whole fleet (requirements A2,
 * K4, K11, M2). Every use is logged with who, what and the outcome, and every refusal.
 */
export const cacheAdminPlugin: FastifyPluginAsync<CacheAdminOptions> = async (
  app,
  { cache, token, redis },
) => {
  const admission = admitAdmins(app, token)
  if (admission === undefined) return
  const { config, whoOf } = admission
  const found = new WeakMap<FastifyRequest, object>()
  app.addHook('onResponse', async (request, { statusCode: status }) => {
    const use = `${request.method} ${request.routeOptions.url}`
    const who = whoOf(request)
    if (who === undefined || status === 401 || status === 403) {
      return request.log.warn({ who, use, status, address: request.ip }, 'admin route refused')
    }
    request.log.info({ who, use, query: request.query, status, ...found.get(request) }, 'admin route used')
  })

  app.get(
    '/cache/stats',
    { config, schema: schemaOf('What the cache of this replica has counted', Stats) },
    async () => statsOf(cache, redis),
  )
  app.delete<{ Querystring: Type.Static<typeof ClearQuery> }>(
    '/cache/clear',
    {
      config,
      schema: {
        ...schemaOf('Evicts entries of this service, in the whole fleet, and says how many', Cleared, 404),
        querystring: ClearQuery,
      },
    },
    async (request) => {
      const { removed, complete, outcome, ...what } = await clear(cache, request.query)
      found.set(request, { removed, complete, outcome })
      return { ...what, removed, complete, outcome }
    },
  )
  if (redis === undefined) return
  app.get<{ Querystring: Type.Static<typeof InfoQuery> }>(
    '/cache/redis',
    { config, schema: { ...schemaOf('What Redis says of itself', Info, 503), querystring: InfoQuery } },
    async ({ query: { section } }) => infoOf(redis, section),
  )
  app.get(
    '/cache/connections',
    { config, schema: schemaOf('What happened to the connections of this replica to Redis', Connections) },
    async () => connectionsOf(redis),
  )
}
