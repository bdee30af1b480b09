import type { CacheSettings } from '../books/settings.ts'

/** For so long past its time a page is shown while it is read anew. */
const STALE_PAGES = '30s'

/** How pages of lists are cached as they are sent. */
export const pageSettings = (settings: CacheSettings) =>
  ({
    ttl: settings.CACHE_TTL_LISTS,
    staleWhileRevalidate: STALE_PAGES,
    maxEntries: settings.CACHE_L1_PAGES,
  }) as const

export type PageSettings = ReturnType<typeof pageSettings>
