import { StandardSettings } from '@lockstep/fastify'
import { PostgresSettings } from '@lockstep/postgres'
import { DurationSetting, type Environment, readSettings } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'

/** How long the catalogue's data may be cached (requirement K10). */
export const CacheSettings = Type.Object({
  CACHE_TTL_BOOKS: DurationSetting({ default: '30m', description: 'How long a book is cached' }),
  CACHE_TTL_LISTS: DurationSetting({ default: '5m', description: 'How long a page of a list is cached' }),
  CACHE_TTL_ABSENT: DurationSetting({
    default: '10s',
    description: 'How long it is believed that a book is not there',
  }),
  CACHE_STALE_IF_ERROR: DurationSetting({
    default: '1h',
    description: 'How long past its time a book is still shown when the database does not answer',
  }),
  CACHE_L1_ENTRIES: Type.Integer({
    default: 10_000,
    minimum: 1,
    description: 'How many books, and how many ISBNs, are kept in memory',
  }),
  CACHE_L1_PAGES: Type.Integer({
    default: 500,
    minimum: 1,
    description: 'How many pages of lists, and how many of authors, are kept in memory',
  }),
})

export type CacheSettings = StaticDecode<typeof CacheSettings>

/** What the catalogue is told besides what every service is. */
export const OwnSettings = Type.Object({
  ...CacheSettings.properties,
  CACHE_TTL_TAGS: DurationSetting({ default: '15m', description: "How long a book's tags are cached" }),
  BOOK_WRITERS: Type.Enum(['anyone', 'callers', 'admins'], {
    default: 'anyone',
    description: 'Who may add, change, delete and tag books',
  }),
})

/** Everything that the catalogue is told by its environment. */
export const CatalogSettings = Type.Object({
  ...StandardSettings.properties,
  ...PostgresSettings.properties,
  ...OwnSettings.properties,
})

export type CatalogSettings = StaticDecode<typeof CatalogSettings>

/** @throws {SettingsError} naming every variable that is missing or wrong */
export const readConfig = (env: Environment): CatalogSettings => readSettings(CatalogSettings, env)
