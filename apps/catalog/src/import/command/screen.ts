import type { Counts } from '../import-rows.ts'
import type { Finding } from '../mapping/finding.ts'

/** What an import writes to: `process.stdout`, or an array in a test. */
export interface Output {
  isTTY?: boolean
  write(text: string): unknown
}

/** How many findings of each kind a person is shown; the report has them all. */
const SHOWN = 20
const VALUE_LENGTH = 60
/** On a terminal the progress has one line that is written over; elsewhere it has a line every tenth of the way. */
const ERASE_LINE = '\r\u001b[2K'

/** The progress of an import and its findings, for a person. */
export class Screen {
  readonly #output: Output
  readonly #now: () => number
  readonly #total: number
  readonly #start: number
  readonly #shown = { rejected: 0, notice: 0 }
  #tenths = 0

  /**
   * @param total rows of the file
   * @param now milliseconds of a steady clock
   */
  constructor(output: Output, total: number, now: () => number) {
    this.#output = output
    this.#total = total
    this.#now = now
    this.#start = now()
  }

  show(counts: Counts, findings: readonly Finding[]): void {
    if (this.#output.isTTY) this.#output.write(ERASE_LINE)
    for (const finding of findings) this.#showFinding(finding)
    this.#showProgress(counts)
  }

  /** The counts, however the import ended. */
  end(counts: Counts, report: string): void {
    const { inserted, updated, unchanged, rejected, notices, untold, untoldReason } = counts
    const hidden = rejected + notices - this.#shown.rejected - this.#shown.notice
    const lines = [
      ...(hidden > 0 ? [`and ${hidden} more of these`] : []),
      ...(rejected + notices > 0 ? [`All of them are in ${report}`] : []),
      ...(untold > 0
        ? [
            `The caches were not told about ${untold} books (${untoldReason}): they may show old ones until those expire`,
          ]
        : []),
      `inserted ${inserted}, updated ${updated}, unchanged ${unchanged}, rejected ${rejected}; notices ${notices}; ${this.#seconds().toFixed(1)} s`,
    ]
    this.#output.write(`${this.#output.isTTY ? '\n' : ''}${lines.join('\n')}\n`)
  }

  #showFinding({ kind, line, column, reason, value }: Finding): void {
    if (this.#shown[kind] === SHOWN) return
    this.#shown[kind]++
    const cell = value.length > VALUE_LENGTH ? `${value.slice(0, VALUE_LENGTH)}…` : value
    const where = column === '' ? `line ${line}:` : `line ${line}, ${column}`
    this.#output.write(`${kind}: ${where} ${reason} (${JSON.stringify(cell)})\n`)
  }

  #showProgress({ rows }: Counts): void {
    const share = this.#total === 0 ? 1 : rows / this.#total
    const rate = Math.round(rows / Math.max(this.#seconds(), 0.001))
    const text = `${rows} of ${this.#total} rows, ${Math.floor(share * 100)} %, ${rate} rows/s`
    if (this.#output.isTTY) {
      this.#output.write(text)
      return
    }
    const tenths = Math.floor(share * 10)
    if (tenths > this.#tenths) this.#output.write(`${text}\n`)
    this.#tenths = tenths
  }

  #seconds(): number {
    return (this.#now() - this.#start) / 1000
  }
}
