import { ImportFault } from '../fault.ts'
import { fileFacts } from './bytes.ts'
import { type CsvFile, readCsv } from './records.ts'

/** A file that was read to its end without a fault. */
export interface CheckedFile {
  path: string
  /** Rows after the header. */
  rows: number
  /** Reads it again, for its rows. @throws {ImportFault} when it is not the file that was checked */
  open(): Promise<CsvFile>
}

/**
 * Reads a whole file for its structure (encoding, header, quotes, last row) before anything is done with its rows, so
 * that a faulty file changes nothing. Keeps nothing of it in memory.
 *
 * @throws {ImportFault} for a fault of the file
 */
export async function checkFile(path: string, signal: AbortSignal): Promise<CheckedFile> {
  const before = await fileFacts(path)
  const { rows: all } = await readCsv(path)
  let rows = 0
  while (!(await all.next()).done && !signal.aborted) rows++
  await all.return()
  return {
    path,
    rows,
    async open() {
      const now = await fileFacts(path)
      if (now.size !== before.size || now.mtimeMs !== before.mtimeMs) {
        throw new ImportFault(
          'LOCKSTEP_IMPORT_CHANGED',
          `${path} changed while it was read. Run the import again`,
        )
      }
      return readCsv(path)
    },
  }
}
