import { faultOf } from '@lockstep/postgres'
import type { Kysely } from 'kysely'
import type { CatalogDatabase } from '../database/schema.ts'
import { ImportFault, messageOf } from './fault.ts'
import type { Finding } from './mapping/finding.ts'
import { mapRow, type SourceBook } from './mapping/map-row.ts'
import type { CheckedFile } from './reading/check.ts'
import type { CsvRow } from './reading/records.ts'
import { type Announce, writeBatch } from './writing/write-batch.ts'

/** How far an import is. Every row of the file is inserted, updated, unchanged or rejected. */
export interface Counts {
  rows: number
  inserted: number
  updated: number
  unchanged: number
  rejected: number
  notices: number
  /** Changed books that the caches could not be told about, and what prevented it last. */
  untold: number
  untoldReason: string
}

export const noCounts: Counts = {
  rows: 0,
  inserted: 0,
  updated: 0,
  unchanged: 0,
  rejected: 0,
  notices: 0,
  untold: 0,
  untoldReason: '',
}

export interface ImportOptions {
  file: CheckedFile
  db: Kysely<CatalogDatabase>
  /** Where the books come from; with their `book_id` it says which book a row is. */
  source: string
  announce: Announce
  /** Rows a transaction. */
  batchSize: number
  /** When it aborts, the batch at hand is finished and the import ends. */
  signal: AbortSignal
}

/**
 * Imports a file batch by batch, and gives the counts and the findings of each batch after its commit: what was
 * counted is in the database.
 *
 * @throws {ImportFault} when the database goes away, or the file changed since it was checked
 */
export async function* importRows(
  options: ImportOptions,
): AsyncGenerator<{ counts: Counts; findings: Finding[] }, void> {
  const { file, db, source, signal, batchSize } = options
  const { header, rows } = await file.open()
  const firstLines = new Map<string, number>()
  const counts = { ...noCounts }
  const announce: Announce = async (changed) => {
    try {
      await options.announce(changed)
    } catch (error) {
      counts.untold += changed.ids.length
      counts.untoldReason = messageOf(error)
    }
  }
  for await (const batch of inBatches(rows, batchSize)) {
    const { books, findings } = mapBatch(header, batch, firstLines)
    const outcome = await writeBatch(db, source, books, announce).catch((error: unknown) => {
      throw awayAt(batch, error)
    })
    findings.push(...outcome.rejected)
    findings.sort((a, b) => a.line - b.line)
    counts.rows += batch.length
    counts.inserted += outcome.inserted
    counts.updated += outcome.updated
    counts.unchanged += outcome.unchanged
    counts.rejected += findings.filter(({ kind }) => kind === 'rejected').length
    counts.notices += findings.filter(({ kind }) => kind === 'notice').length
    yield { counts: { ...counts }, findings }
    if (signal.aborted) return
  }
}

/** The books of a batch, and what is to be said about its rows. A `book_id` that was there before is rejected. */
function mapBatch(
  header: readonly string[],
  batch: readonly CsvRow[],
  firstLines: Map<string, number>,
): { books: SourceBook[]; findings: Finding[] } {
  const books: SourceBook[] = []
  const findings: Finding[] = []
  for (const row of batch) {
    const mapped = mapRow(header, row)
    if (mapped.kind === 'rejected') {
      findings.push(mapped.finding)
      continue
    }
    const { book, notices } = mapped
    const firstLine = firstLines.get(book.sourceId)
    if (firstLine === undefined) {
      firstLines.set(book.sourceId, book.line)
      books.push(book)
      findings.push(...notices)
    } else {
      const reason = `was on line ${firstLine} already`
      findings.push({ kind: 'rejected', line: book.line, column: 'book_id', reason, value: book.sourceId })
    }
  }
  return { books, findings }
}

async function* inBatches(rows: AsyncIterable<CsvRow>, size: number): AsyncGenerator<CsvRow[], void> {
  let batch: CsvRow[] = []
  for await (const row of rows) {
    batch.push(row)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function awayAt(batch: readonly CsvRow[], error: unknown): unknown {
  if (faultOf(error).kind !== 'unavailable') return error
  const message =
    `The database went away (${messageOf(error)}) at the batch from line ${batch[0]?.line} to line ${batch.at(-1)?.line}. ` +
    'What is counted is in the database; the same command completes it'
  return new ImportFault('LOCKSTEP_IMPORT_DATABASE_AWAY', message, { cause: error })
}
