import { createCache, redisTransport } from '@lockstep/cache'
import type { Database } from '@lockstep/postgres'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { type Environment, readSettings } from '@lockstep/settings'
import { bookCaches, evictBooks } from '../../books/caches.ts'
import { bookRepository } from '../../books/repository.ts'
import { CacheSettings } from '../../books/settings.ts'
import type { CatalogDatabase } from '../../database/schema.ts'
import { silent } from '../../silent.ts'
import type { Caches } from './run.ts'

/** How long Redis may take to answer before the import goes on without telling the caches. */
const CONNECT_MS = 3000

/** The import as a writer of the fleet: what it changes leaves every cache by the code that the service itself uses. */
export async function openCaches(
  env: Environment,
  redisUrl: string | undefined,
  database: Database<CatalogDatabase>,
): Promise<Caches> {
  const redisEnv = redisUrl === undefined ? env : { ...env, REDIS_URL: redisUrl }
  const redisSettings = readSettings(RedisSettings, { REDIS_COMMAND_TIMEOUT: '2s', ...redisEnv })
  const link = openRedis(redisSettings, 'lockstep-import', silent)
  const transport = redisTransport(link, { prefix: redisSettings.KEY_PREFIX })
  const cache = createCache({ transport, logger: silent })
  const caches = bookCaches(cache, bookRepository(database), readSettings(CacheSettings, env))
  await link.whenAvailable(CONNECT_MS)
  return {
    async announce(changed) {
      const { outcome } = await evictBooks(cache, caches, changed)
      if (outcome === 'pending') throw new Error('Redis does not answer')
    },
    async close() {
      await cache.close()
      await link.close()
    },
  }
}
