import type { StrictReport } from './linearizability/strict.ts'
import type { Report } from './torture.ts'
import { percentile } from './verdict.ts'

/** Whether a report has nothing against the cache. */
export const passes = (report: Report): boolean =>
  report.staleAtRest + report.stalePastT + report.failedReads + report.ownWritesUnread === 0

export const passesStrictly = ({ violations, failedReads }: StrictReport): boolean =>
  violations.length + failedReads === 0

/** Half, nearly all and all of some times in ms, for people to read. */
export function sharesOf(times: readonly number[]): string {
  const shares = [0.5, 0.99, 1].map((share) => percentile(times, share)?.toFixed(1) ?? '-')
  return `${shares.join(' / ')} ms`
}

export function tortureTable(reports: readonly Report[]): string {
  return table([
    [
      'scenario',
      'stale at rest',
      'oldest stale read',
      'stale past T',
      'failed reads',
      'own writes unread',
      'reads',
      'writes',
      'propagation p50 / p99 / max',
      'new value read',
      'verdict',
    ],
    ...reports.map((report) => [
      report.scenario,
      `${report.staleAtRest} of ${report.pairs}`,
      `${Math.round(report.oldest)} ms`,
      String(report.stalePastT),
      String(report.failedReads),
      String(report.ownWritesUnread),
      String(report.reads),
      String(report.writes),
      sharesOf(report.propagation),
      sharesOf(report.renewal),
      passes(report) ? 'holds' : 'BROKEN',
    ]),
  ])
}

export function strictTable(reports: readonly StrictReport[]): string {
  return table([
    ['scenario', 'not linearizable', 'failed reads', 'reads checked', 'writes promised', 'verdict'],
    ...reports.map((report) => [
      report.scenario,
      `${report.violations.length} stretches`,
      String(report.failedReads),
      `${report.checkedReads} of ${report.reads}`,
      `${report.promised} of ${report.commits}`,
      passesStrictly(report) ? 'linearizable' : 'BROKEN',
    ]),
  ])
}

/** A table in Markdown with its columns aligned; the first row is its head. */
function table(rows: readonly string[][]): string {
  const [head = []] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  const lines = rows.map((cells) => line(cells.map((cell, column) => cell.padEnd(widths[column] ?? 0))))
  return [lines[0], line(widths.map((width) => '-'.repeat(width))), ...lines.slice(1)].join('\n')
}

const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
