import { randomBytes } from 'node:crypto'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { type Cache, createCache, redisTransport } from '@lockstep/cache'
import { createLimiter, type Limiter } from '@lockstep/coordination'
import { openRedis, type RedisLink } from '@lockstep/redis'
import type { FastifyInstance } from 'fastify'
import { cacheAdminPlugin, useCache } from '../cache/index.ts'
import { callerOf, callerPlugin, type Tokens, tokensOf } from '../caller/index.ts'
import { type HealthCheck, healthPlugin } from '../health.ts'
import { type LimitOptions, useLimits } from '../limit/index.ts'
import { createService, type ServiceOptions, serviceId } from '../service.ts'
import { sessionPlugin } from '../session/index.ts'
import { keysOf } from './keys.ts'
import type { StandardSettings } from './settings.ts'

export interface OpenServiceOptions extends ServiceOptions {
  readonly settings: StandardSettings
  /** Of its OpenAPI document. */
  readonly title: string
  readonly description: string
  /** What it depends on besides Redis. */
  readonly checks?: readonly HealthCheck[]
  /** Limits that routes name in `config.limit`. */
  readonly policies?: Readonly<Record<string, LimitOptions>>
  /** `false`: routes without `config.limit` are not limited. Default: LIMIT_REQUESTS in LIMIT_WINDOW. */
  readonly defaultLimit?: false
  /** Ends what the service has besides; runs when all else is closed. */
  readonly onClosed?: () => Promise<void>
}

/** A service of the fleet, to which its own routes are added. */
export interface OpenService {
  readonly app: FastifyInstance
  /** Names this replica. */
  readonly id: string
  readonly redis: RedisLink
  readonly cache: Cache
  readonly limiter: Limiter
  readonly tokens: Tokens
}

/**
 * What all services of a fleet have in common, put together: errors, health, documents, one link to Redis, the coherent
 * cache, callers by token and session, limits, admin routes. It does not listen, and Redis need not be there (requirement
 * C3).
 *
 * @throws {SettingsError} in production without keys
 */
export function openService(options: OpenServiceOptions): OpenService {
  const { name, settings, title, description, checks = [], policies = {}, defaultLimit, onClosed } = options
  const keys = keysOf(settings, () => randomBytes(32).toString('base64url'))
  const app = createService(options)
  const id = serviceId(name, settings)
  const { log } = app
  if (keys.madeUp.length > 0)
    log.warn({ settings: keys.madeUp }, 'keys were made up: they hold for this process alone')
  const prefix = settings.KEY_PREFIX
  const redis = openRedis(settings, id, log)
  const cache = createCache({
    transport: redisTransport(redis, { prefix }),
    logger: log,
    l1: { maxEntries: settings.CACHE_L1_ENTRIES },
  })
  const limiter = createLimiter({ redis, prefix, logger: log })
  const tokens = tokensOf(keys.token, settings.TOKEN_TTL)
  // The last hook runs first: all have what they stand on until they are closed.
  app.addHook('onClose', async () => {
    await redis.close()
    await onClosed?.()
  })
  useCache(app, { cache })
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, version: '1', description },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: settings.SESSION_COOKIE_SECURE ? '__Host-session' : 'session',
          },
        },
      },
    },
  })
  app.register(sessionPlugin, {
    link: redis,
    prefix,
    settings: { ...settings, SESSION_COOKIE_SECRET: keys.cookie },
  })
  const limited = settings.LIMIT_REQUESTS > 0
  app.register(callerPlugin, {
    tokens,
    operatorToken: settings.ADMIN_TOKEN,
    onRefused: limited ? (request, reply) => app.limits.check(REFUSALS, request, reply) : undefined,
  })
  useLimits(app, {
    limiter,
    policies: limited ? { ...policies, [REFUSALS]: perWindow(settings) } : policies,
    default: defaultLimit !== false && limited && perWindow(settings),
    user: (request) => callerOf(request)?.id,
    allow: { user: (_user, request) => callerOf(request)?.roles.includes('service') ?? false },
  })
  app.register(swaggerUi, { routePrefix: '/docs' })
  app.register(healthPlugin, { service: id, checks: [...checks, ...redisChecks(redis, cache)] })
  app.register(cacheAdminPlugin, { cache, token: settings.ADMIN_TOKEN, redis })
  return { app, id, redis, cache, limiter, tokens }
}

/** Requests that are refused since nobody, or nobody of that role, calls: they are counted on all services alike. */
const REFUSALS = 'refusals'

const perWindow = (settings: StandardSettings): LimitOptions => ({
  limit: settings.LIMIT_REQUESTS,
  window: settings.LIMIT_WINDOW,
})

const redisChecks = (redis: RedisLink, cache: Cache): HealthCheck[] => [
  {
    name: 'redis',
    description: 'The shared cache, sessions, limits',
    whenDown: 'degraded',
    check: () => redis.ping(),
  },
  {
    name: 'bus',
    description: 'Hears the invalidations of the fleet',
    whenDown: 'degraded',
    check: async () => {
      if (!cache.live) throw new Error('not subscribed to the bus')
    },
  },
]
