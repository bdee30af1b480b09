import { StandardSettings } from '@lockstep/fastify'
import { PostgresSettings } from '@lockstep/postgres'
import { DurationSetting, type Environment, readSettings } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'
import { CacheSettings } from './books/settings.ts'

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
