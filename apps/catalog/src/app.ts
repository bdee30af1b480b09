import { openService } from '@lockstep/fastify'
import { openDatabase } from '@lockstep/postgres'
import type { FastifyInstance } from 'fastify'
import { bookCaches } from './books/caches.ts'
import { createCatalog } from './books/catalog.ts'
import { isIsbn10, isIsbn13, parseIsbn } from './books/isbn.ts'
import { bookRepository } from './books/repository.ts'
import type { CatalogSettings } from './config.ts'
import type { CatalogDatabase } from './database/schema.ts'
import { translate } from './problems.ts'
import { pageSettings } from './routes/pages.ts'
import { readRoutes } from './routes/reads.ts'
import { tagReadRoutes } from './routes/tag-reads.ts'
import { tagWriteRoutes } from './routes/tag-writes.ts'
import { writersOf } from './routes/writers.ts'
import { writeRoutes } from './routes/writes.ts'
import { tagCache } from './tags/caches.ts'
import { tagRepository } from './tags/repository.ts'
import { parseTag } from './tags/tag.ts'
import { tagSets } from './tags/tag-sets.ts'
import { createTagging } from './tags/tagging.ts'

/** Puts the catalogue together; it does not listen. Neither Redis nor Postgres need be there (requirement C3). */
export function createApp(settings: CatalogSettings): FastifyInstance {
  const { app, id, redis, cache } = openService({
    name: 'catalog',
    title: 'Lockstep catalogue',
    description: 'The books of the shop',
    settings,
    translate,
    formats: {
      isbn: (text) => parseIsbn(text) !== undefined,
      isbn10: isIsbn10,
      isbn13: isIsbn13,
      tag: (text) => parseTag(text) !== undefined,
    },
    checks: [
      {
        name: 'postgres',
        description: 'Where books are kept',
        whenDown: 'unhealthy',
        check: () => database.ping(),
      },
    ],
    // Reading books costs next to nothing: whoever fears crawlers sets a limit at the gateway.
    defaultLimit: false,
    onClosed: () => database.close(),
  })
  const database = openDatabase<CatalogDatabase>(settings, id, app.log)

  const books = bookRepository(database)
  const catalog = createCatalog(books, cache, bookCaches(cache, books, settings))
  const tags = tagRepository(database)
  const tagging = createTagging({
    repository: tags,
    cache,
    revisions: tagCache(cache, tags, {
      ttl: settings.CACHE_TTL_TAGS,
      negativeTtl: settings.CACHE_TTL_ABSENT,
      staleIfError: settings.CACHE_STALE_IF_ERROR,
    }),
    sets: tagSets(redis, { prefix: settings.KEY_PREFIX, ttl: settings.CACHE_TTL_TAGS, logger: app.log }),
  })

  const pages = pageSettings(settings)
  const writer = writersOf(settings)
  app.register(readRoutes, { catalog, pages })
  app.register(writeRoutes, { catalog, writer })
  app.register(tagReadRoutes, { catalog, tagging, pages })
  app.register(tagWriteRoutes, { tagging, writer })
  return app
}
