import { faultOf } from '@lockstep/postgres'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { CatalogDatabase } from '../../database/schema.ts'
import type { Finding } from '../mapping/finding.ts'
import type { SourceBook } from '../mapping/map-row.ts'
import { IsbnOwners } from './isbn-owners.ts'
import { booksOfIsbns, booksOfSource, type Stored, type StoredRow, upsert } from './queries.ts'

/** What the caches must forget. */
export interface Changed {
  ids: number[]
  isbns: string[]
}

/** Tells every cache of the fleet, as any writer does. */
export type Announce = (changed: Changed) => Promise<void>

export interface BatchOutcome {
  inserted: number
  updated: number
  unchanged: number
  rejected: Finding[]
}

/** The advisory lock of imports: their batches run one after another, so that two imports cannot deadlock. */
const IMPORT_LOCK = 0x4c_53_49_4d

/** A writer of the service may still cross a batch; the second try sees what it wrote. */
const MAX_TRIES = 5
const DEADLOCK_OR_SERIALIZATION = new Set(['40P01', '40001'])

/**
 * Writes rows in one transaction: new ones are inserted, changed ones (another `source_row`) updated, the others left
 * alone. Rows are taken in the order of the file; one whose ISBN is another book's is rejected.
 *
 * The caches are told after the transaction even when it failed, because a commit whose answer is lost may have
 * happened: an eviction too many costs a read, one too few an old answer.
 *
 * @throws what the driver says when the database is away
 */
export async function writeBatch(
  db: Kysely<CatalogDatabase>,
  source: string,
  books: readonly SourceBook[],
  announce: Announce,
): Promise<BatchOutcome> {
  for (let tries = 1; ; tries++) {
    const changed: Changed = { ids: [], isbns: [] }
    try {
      return await db.transaction().execute((trx) => write(trx, source, books, changed))
    } catch (error) {
      if (tries === MAX_TRIES || !isCollision(error)) throw error
    } finally {
      if (changed.ids.length > 0) await announce(changed)
    }
  }
}

async function write(
  trx: Transaction<CatalogDatabase>,
  source: string,
  books: readonly SourceBook[],
  changed: Changed,
): Promise<BatchOutcome> {
  await sql`select pg_advisory_xact_lock(${IMPORT_LOCK})`.execute(trx)
  const stored = await booksOfSource(trx, source, books)
  const different = books.filter(({ sourceId }) => !stored.get(sourceId)?.same)
  const { accepted, rejected } = await settleIsbns(trx, different, stored)
  const before = accepted.flatMap(({ sourceId }) => stored.get(sourceId) ?? [])
  const ids = await upsert(trx, source, accepted)
  changed.ids.push(...ids)
  changed.isbns.push(...isbnsOf([...before, ...accepted.map(({ fields }) => fields)]))
  return {
    inserted: accepted.length - before.length,
    updated: before.length,
    unchanged: books.length - different.length,
    rejected,
  }
}

/** Leaves out the rows that ask for an ISBN of another book. */
async function settleIsbns(
  trx: Transaction<CatalogDatabase>,
  books: readonly SourceBook[],
  stored: ReadonlyMap<string, StoredRow>,
): Promise<{ accepted: SourceBook[]; rejected: Finding[] }> {
  const owners = new IsbnOwners()
  for (const book of await booksOfIsbns(trx, books)) owners.hold(book.id, book)
  const accepted: SourceBook[] = []
  const rejected: Finding[] = []
  for (const book of books) {
    const { line, row, fields, sourceId } = book
    const conflict = owners.claim(line, fields, stored.get(sourceId))
    if (conflict) rejected.push({ kind: 'rejected', line, ...conflict, value: row[conflict.column] ?? '' })
    else accepted.push(book)
  }
  return { accepted, rejected }
}

const isbnsOf = (books: readonly Pick<Stored, 'isbn10' | 'isbn13'>[]): string[] => [
  ...new Set(books.flatMap(({ isbn10, isbn13 }) => [isbn10, isbn13]).filter((isbn) => isbn !== null)),
]

function isCollision(error: unknown): boolean {
  if (faultOf(error).kind === 'unique') return true
  return error instanceof Error && 'code' in error && DEADLOCK_OR_SERIALIZATION.has(String(error.code))
}
