import type { CatalogSettings } from '../config.ts'

/** What a route that writes says of who may use it. */
export interface WriterConfig {
  readonly route: { readonly config?: { readonly caller: 'required' | 'admin' } }
  /** The statuses with which it refuses callers. */
  readonly refusals: readonly number[]
}

const NAMED = { callers: 'required', admins: 'admin' } as const

/** Who may write to the catalogue, by BOOK_WRITERS. */
export function writersOf({ BOOK_WRITERS: who }: Pick<CatalogSettings, 'BOOK_WRITERS'>): WriterConfig {
  if (who === 'anyone') return { route: {}, refusals: [] }
  return { route: { config: { caller: NAMED[who] } }, refusals: [401, 403] }
}
