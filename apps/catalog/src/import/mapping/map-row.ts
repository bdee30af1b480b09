import type { BookFields } from '../../books/book.ts'
import type { Column } from '../reading/header.ts'
import type { CsvRow } from '../reading/records.ts'
import { readText } from './cells.ts'
import { readFields } from './fields.ts'
import type { Finding } from './finding.ts'

/** A row as a book: what the service uses, and every cell as it was. */
export interface SourceBook {
  line: number
  sourceId: string
  fields: BookFields
  row: Record<string, string>
}

export type Mapped =
  | { kind: 'book'; book: SourceBook; notices: Finding[] }
  | { kind: 'rejected'; finding: Finding }

/** The longest key that surely fits into an index entry of Postgres. */
const MAX_SOURCE_ID = 200

/** Makes a book of a row, or says which cell forbids it. */
export function mapRow(header: readonly string[], { line, cells }: CsvRow): Mapped {
  const finding = (kind: Finding['kind'], column: string, reason: string): Finding => {
    return { kind, line, column, reason, value: row[column] ?? '' }
  }
  const reject = (column: string, reason: string): Mapped => {
    return { kind: 'rejected', finding: finding('rejected', column, reason) }
  }
  const row = Object.fromEntries(header.map((name, index) => [name, cells[index] ?? '']))
  if (cells.length !== header.length) {
    const reason = `the row has ${cells.length} cells where the header has ${header.length}`
    return {
      kind: 'rejected',
      finding: { kind: 'rejected', line, column: '', reason, value: cells.join(',') },
    }
  }
  const withNul = Object.entries(row).find(([, value]) => value.includes('\0'))
  if (withNul) return reject(withNul[0], 'holds a NUL character')

  const cell = (column: Column): string => row[column] ?? ''
  const sourceId = readText(cell('book_id'))
  if (sourceId === null) return reject('book_id', 'is blank')
  if (sourceId.length > MAX_SOURCE_ID) return reject('book_id', `is longer than ${MAX_SOURCE_ID} characters`)
  const read = readFields(cell)
  if (read.kind === 'rejected') return reject(read.column, read.reason)
  const notices = read.notices.map(({ column, reason }) => finding('notice', column, reason))
  return { kind: 'book', book: { line, sourceId, fields: read.fields, row }, notices }
}
