import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { type Cache, createCache, redisTransport } from '@lockstep/cache'
import { cacheAdminPlugin, createService, healthPlugin, serviceId, useCache } from '@lockstep/fastify'
import { openDatabase } from '@lockstep/postgres'
import { openRedis } from '@lockstep/redis'
import type { FastifyInstance } from 'fastify'
import { bookCaches } from './books/caches.ts'
import { createCatalog } from './books/catalog.ts'
import { isIsbn10, isIsbn13, parseIsbn } from './books/isbn.ts'
import { bookRepository } from './books/repository.ts'
import type { CatalogSettings } from './config.ts'
import type { CatalogDatabase } from './database/schema.ts'
import { translate } from './problems.ts'
import { readRoutes } from './routes/reads.ts'
import { writeRoutes } from './routes/writes.ts'

/** Puts the catalogue together; it does not listen. Neither Redis nor Postgres need be there (requirement C3). */
export function createApp(settings: CatalogSettings): FastifyInstance {
  const app = createService({
    name: 'catalog',
    settings,
    translate,
    formats: {
      isbn: (text) => parseIsbn(text) !== undefined,
      isbn10: isIsbn10,
      isbn13: isIsbn13,
    },
  })
  const name = serviceId('catalog', settings)
  const database = openDatabase<CatalogDatabase>(settings, name, app.log)
  const redis = openRedis(settings, name, app.log)
  const cache = createCache({
    transport: redisTransport(redis, { prefix: settings.KEY_PREFIX }),
    logger: app.log,
    l1: { maxEntries: settings.CACHE_L1_ENTRIES },
  })
  // The last hook runs first: the cache has what it stands on until it is closed.
  app.addHook('onClose', async () => {
    await redis.close()
    await database.close()
  })
  useCache(app, { cache })
  const repository = bookRepository(database)
  const catalog = createCatalog(repository, cache, bookCaches(cache, repository, settings))

  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Lockstep catalogue', version: '1', description: 'The books of the shop' },
    },
  })
  app.register(swaggerUi, { routePrefix: '/docs' })
  app.register(healthPlugin, {
    service: name,
    checks: [
      {
        name: 'postgres',
        description: 'Where books are kept',
        whenDown: 'unhealthy',
        check: () => database.ping(),
      },
      { name: 'redis', description: 'The shared cache', whenDown: 'degraded', check: () => redis.ping() },
      {
        name: 'bus',
        description: 'Hears the invalidations of the fleet',
        whenDown: 'degraded',
        check: () => heard(cache),
      },
    ],
  })
  app.register(readRoutes, { catalog, settings })
  app.register(writeRoutes, { catalog })
  app.register(cacheAdminPlugin, { cache, token: settings.ADMIN_TOKEN, redis })
  return app
}

async function heard(cache: Cache): Promise<void> {
  if (!cache.live) throw new Error('not subscribed to the bus')
}
