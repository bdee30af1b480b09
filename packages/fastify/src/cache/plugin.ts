import type { Cache } from '@lockstep/cache'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { directlyBy, hooksOf } from './direct.ts'
import { RouteCacheError } from './errors.ts'
import { type Around, CachedRoute } from './route.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The cache object, when the plugin was not given another name for it. */
    readonly lockstep: Cache
  }
}

export interface CachePluginOptions extends Around {
  /** The name under which the instance has the cache object. Default `lockstep`. */
  readonly as?: string
}

/**
 * Gives an instance the cache object, closes it with the instance, and caches the answers of the routes added from now on
 * that have a `config.cache`. Fastify runs `onClose` hooks from the last to the first: add the one that closes the link to
 * Redis before this, and the cache is closed while it still has its link.
 *
 * @throws {RouteCacheError} when a route that has one is added: for options that cannot be, and methods other than GET
 */
export function useCache(app: FastifyInstance, options: CachePluginOptions): void {
  const { cache, as = 'lockstep' } = options
  const routes = new Map<string, CachedRoute>()
  app.decorate(as, cache)
  app.addHook('onClose', () => cache.close())
  let directly = directlyBy(new Set())
  app.addHook('onReady', async () => {
    directly = directlyBy(hooksOf(app))
  })
  app.addHook('onRoute', (route) => {
    const config = route.config?.cache
    if (config === undefined) return
    const { handler, url, method } = route
    // Fastify's own HEAD route has the handler of the GET route: it answers from the same entries.
    const same = method === 'HEAD' ? routes.get(url) : undefined
    if (method !== 'GET' && same?.handler !== handler) {
      throw new RouteCacheError(`${String(method)} ${url}`, 'only a route for GET alone can have one')
    }
    const cached = same ?? new CachedRoute(url, handler, config, options, () => directly)
    routes.set(url, cached)
    route.handler = function answer(request, reply) {
      return cached.handle(this, request, reply, method === 'GET')
    }
  })
}

/** The same as {@link useCache} as a plugin: routes that come after it, in plugins of their own, can be cached. */
export const cachePlugin = fp<CachePluginOptions>(async (app, options) => useCache(app, options), {
  name: 'lockstep-cache',
  fastify: '5.x',
})
