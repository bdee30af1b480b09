/** Every reason for which an import does not reach the end of its file, and what the reason means. */
export const faultCodes = {
  LOCKSTEP_IMPORT_ARGUMENTS: 'the command line is not understood',
  LOCKSTEP_IMPORT_NOT_FOUND: 'there is no file at that path',
  LOCKSTEP_IMPORT_NOT_A_FILE: 'the path is a directory, a pipe or a device; the file is read twice',
  LOCKSTEP_IMPORT_UNREADABLE: 'the file may not be read, or its disk fails',
  LOCKSTEP_IMPORT_EMPTY: 'the file holds nothing',
  LOCKSTEP_IMPORT_NOT_UTF8: 'the file is in another encoding',
  LOCKSTEP_IMPORT_NOT_CSV: 'the file is a workbook, JSON, HTML, an image or the like',
  LOCKSTEP_IMPORT_COLUMNS_MISSING: 'the header lacks columns',
  LOCKSTEP_IMPORT_COLUMNS_TWICE: 'the header names a column more than once',
  LOCKSTEP_IMPORT_QUOTES: 'a quote stands where none may, or is never closed',
  LOCKSTEP_IMPORT_TRUNCATED: 'the file stops in the middle of a row',
  LOCKSTEP_IMPORT_CHANGED: 'the file changed between the two times it is read',
  LOCKSTEP_IMPORT_REPORT: 'the report cannot be written',
  LOCKSTEP_IMPORT_NO_FLEET: 'no database is known, or the fleet is not running',
  LOCKSTEP_IMPORT_DATABASE_AWAY: 'the database does not answer',
  LOCKSTEP_IMPORT_NOT_MIGRATED: 'the database has no table of books',
} as const

export type FaultCode = keyof typeof faultCodes

/** The end of an import. Its message names the file or the server at fault, the line where there is one, and the way out. */
export class ImportFault extends Error {
  readonly code: FaultCode

  constructor(code: FaultCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ImportFault'
    this.code = code
  }
}

/** What an unknown thrown value says. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return messageOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

/** The code that Node, Postgres or csv-parse gave an error, or the empty string. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
