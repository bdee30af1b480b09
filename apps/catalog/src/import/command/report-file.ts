import { mkdirSync } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ImportFault, messageOf } from '../fault.ts'
import type { Finding } from '../mapping/finding.ts'

/** Where every rejected row and notice is written, as CSV: `kind,line,column,reason,value`. */
export class ReportFile {
  readonly path: string
  readonly #file: FileHandle

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.#file = file
  }

  /**
   * Begins a report, in place of an older one.
   *
   * @param imported the file that is imported, which a report must not overwrite
   * @throws {ImportFault} when it cannot be written there
   */
  static async open(path: string, imported: string): Promise<ReportFile> {
    if ((await realpath(path).catch(() => path)) === (await realpath(imported))) {
      throw new ImportFault('LOCKSTEP_IMPORT_REPORT', `${path} is the file to import: name another --report`)
    }
    try {
      mkdirSync(dirname(path), { recursive: true })
      const report = new ReportFile(path, await open(path, 'w'))
      await report.#file.write('kind,line,column,reason,value\n')
      return report
    } catch (error) {
      throw unwritable(path, error)
    }
  }

  async add(findings: readonly Finding[]): Promise<void> {
    const lines = findings.map(({ kind, line, column, reason, value }) =>
      [kind, String(line), column, reason, value].map(quoted).join(','),
    )
    if (lines.length === 0) return
    await this.#file.write(`${lines.join('\n')}\n`).catch((error: unknown) => {
      throw unwritable(this.path, error)
    })
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

const unwritable = (path: string, error: unknown): ImportFault =>
  new ImportFault('LOCKSTEP_IMPORT_REPORT', `The report ${path} cannot be written: ${messageOf(error)}`, {
    cause: error,
  })
