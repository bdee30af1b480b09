import { ImportFault } from '../fault.ts'

/** The columns that an import cannot do without. */
export const REQUIRED_COLUMNS = [
  'book_id',
  'isbn',
  'isbn13',
  'authors',
  'original_publication_year',
  'original_title',
  'title',
  'language_code',
  'average_rating',
  'ratings_count',
] as const

/** A column that means something to the catalogue; any other is kept in `source_row`. */
export type Column = (typeof REQUIRED_COLUMNS)[number] | 'image_url'

/** @throws {ImportFault} naming every column that is missing, or there twice */
export function checkHeader(
  path: string,
  { line, cells: header }: { line: number; cells: readonly string[] },
): void {
  if (header.some((name) => name.includes('\0'))) {
    throw new ImportFault('LOCKSTEP_IMPORT_NOT_CSV', `${path} is not CSV: its header holds a NUL character`)
  }
  const twice = new Set(header.filter((name, index) => header.indexOf(name) !== index))
  if (twice.size > 0) {
    const names = [...twice].map((name) => JSON.stringify(name)).join(', ')
    const message = `${path}: its header (line ${line}) has more than one column ${names}`
    throw new ImportFault('LOCKSTEP_IMPORT_COLUMNS_TWICE', message)
  }
  const missing = REQUIRED_COLUMNS.filter((name) => !header.includes(name))
  if (missing.length > 0) {
    const message = `${path}: its header (line ${line}) has no column ${missing.join(', ')}${separatorHint(header)}`
    throw new ImportFault('LOCKSTEP_IMPORT_COLUMNS_MISSING', message)
  }
}

function separatorHint(header: readonly string[]): string {
  const [only = '', ...others] = header
  if (others.length > 0 || !/[;\t]/.test(only)) return ''
  return '. Its cells seem to be separated by semicolons or tabs: save it with commas'
}
