import { createCache, redisTransport } from '@lockstep/cache'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown, until } from '@lockstep/testing'
import { type CachePluginOptions, createService, ServiceSettings, useCache } from '../../src/index.ts'

/** A service with a cache on a real Redis. Routes are added to `app` by the test. */
export function openReplica(t: Teardown, redisUrl: string, options: Partial<CachePluginOptions> = {}) {
  const settings = readSettings(ServiceSettings, { SERVICE_ID: 'replica', LOG_LEVEL: 'silent' })
  const app = createService({ name: 'test', settings })
  const env = { REDIS_URL: redisUrl, REDIS_COMMAND_TIMEOUT: '5s' }
  const redis = openRedis(readSettings(RedisSettings, env), 'test', recordingLogger())
  const cache = createCache({
    transport: redisTransport(redis, { prefix: 'shop' }),
    logger: recordingLogger(),
  })
  app.addHook('onClose', () => redis.close())
  useCache(app, { cache, ...options })
  t.teardown(() => app.close())
  const get = async (url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') => {
    const { statusCode, headers: answered, body } = await app.inject({ method, url, headers })
    const from = String(answered['cache-status'] ?? '')
    return { status: statusCode, headers: answered, body, from, hit: from.startsWith('lockstep-l1; hit') }
  }
  return {
    app,
    cache,
    redis,
    get,
    /** Asks until memory answers. */
    warm: (url: string, headers: Record<string, string> = {}) =>
      until(`${url} is in L1`, async () => {
        const found = await get(url, headers)
        return found.hit ? found : undefined
      }),
    live: () => until('the cache is live', () => cache.live),
  }
}

export type Replica = ReturnType<typeof openReplica>

/** Runs of a handler, which end when the test says so. */
export function gate() {
  const open = Promise.withResolvers<void>()
  return { passed: open.promise, open: open.resolve }
}
