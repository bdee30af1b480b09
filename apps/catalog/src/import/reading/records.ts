import { pipeline } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { ImportFault } from '../fault.ts'
import { utf8Bytes } from './bytes.ts'
import { checkHeader } from './header.ts'

/** The longest row, in bytes: a longer one is most likely a quote that is never closed, and memory stays bounded. */
const MAX_ROW = 131_072

/** A row: its cells as they are in the file, and the line (counted from 1) on which it begins. */
export interface CsvRow {
  line: number
  cells: readonly string[]
}

export interface CsvFile {
  header: readonly string[]
  rows: AsyncGenerator<CsvRow, void>
}

/** What the parser is ahead of its reader by: how far it is, known even when it fails before the reader gets there. */
interface Ahead {
  line: number
  first: CsvRow | undefined
  endsInLineBreak: boolean
}

/**
 * Reads a CSV file as a stream: commas, quotes as in RFC 4180, lines that end in LF or CRLF, perhaps a byte order mark.
 * Lines with nothing on them are no rows; a row may have more or fewer cells than the header.
 *
 * @throws {ImportFault} for faults of the file, here or while its rows are read
 */
export async function readCsv(path: string): Promise<CsvFile> {
  const ahead: Ahead = { line: 1, first: undefined, endsInLineBreak: true }
  const rows = parsedRows(path, ahead)
  const first = await rows.next()
  if (first.done) throw new ImportFault('LOCKSTEP_IMPORT_EMPTY', `${path} is empty`)
  checkHeader(path, first.value)
  const header = first.value.cells
  return { header, rows: wholeRows(path, rows, header.length, ahead) }
}

/** Holds each row back until there is a next one, because only the last can be cut short. */
async function* wholeRows(
  path: string,
  rows: AsyncGenerator<CsvRow, void>,
  width: number,
  ahead: Ahead,
): AsyncGenerator<CsvRow, void> {
  let held: CsvRow | undefined
  for await (const row of rows) {
    if (held) yield held
    held = row
  }
  if (!held) return
  if (held.cells.length < width && !ahead.endsInLineBreak) {
    const cells = `${held.cells.length} of ${width} cells`
    const message = `${path} is truncated: its last row (line ${held.line}) has ${cells} and no line break`
    throw new ImportFault('LOCKSTEP_IMPORT_TRUNCATED', message)
  }
  yield held
}

async function* parsedRows(path: string, ahead: Ahead): AsyncGenerator<CsvRow, void> {
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    max_record_size: MAX_ROW,
    on_record(cells) {
      if (!isBlank(cells)) ahead.first ??= { line: ahead.line, cells }
      ahead.line += linesOf(cells)
      return cells
    },
  })
  async function* source(): AsyncGenerator<Buffer, void> {
    for await (const chunk of utf8Bytes(path)) {
      ahead.endsInLineBreak = chunk.at(-1) === 0x0a
      yield chunk
    }
  }
  pipeline(source, parser, () => {})
  let line = 1
  try {
    for await (const record of parser) {
      const cells: readonly string[] = record
      if (!isBlank(cells)) yield { line, cells }
      line += linesOf(cells)
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    // A file with other separators breaks the rules of quotes too, and its header says more about it.
    if (ahead.first) checkHeader(path, ahead.first)
    throw csvFault(path, error, ahead.line)
  }
}

const isBlank = (cells: readonly string[]): boolean => cells.length === 1 && cells[0] === ''

/** A cell keeps its line breaks, so the lines of a row can be counted from its cells. */
const linesOf = (cells: readonly string[]): number =>
  cells.reduce((lines, cell) => lines + cell.split('\n').length - 1, 1)

function csvFault(path: string, error: CsvError, line: number): ImportFault {
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') {
    const message = `${path} is truncated, or a quote is never closed: it ends inside a quoted cell of the row on line ${line}`
    return new ImportFault('LOCKSTEP_IMPORT_TRUNCATED', message, { cause: error })
  }
  const what =
    error.code === 'CSV_MAX_RECORD_SIZE'
      ? `is longer than ${MAX_ROW.toLocaleString('en')} bytes: a quote is probably never closed`
      : 'has a quote inside a cell. Such a cell must be in quotes itself, and the quote doubled: "so ""called"""'
  const message = `${path}: the row that begins on line ${line} ${what}`
  return new ImportFault('LOCKSTEP_IMPORT_QUOTES', message, { cause: error })
}
