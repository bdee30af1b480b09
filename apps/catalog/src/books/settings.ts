import { DurationSetting } from '@lockstep/settings'
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
