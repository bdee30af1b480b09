import { loadavg } from 'node:os'
import type { Compared } from './compare.ts'

/** One line of the table: all of it text, for each kind of figure has its own unit. */
export interface Row {
  readonly what: string
  readonly floor: string
  /** What is aimed at; nothing is asserted. */
  readonly target: string
  readonly ours: string
}

const COLUMNS = ['what', 'floor', 'target', 'ours'] as const

/** A table in Markdown, with what else the machine had to do meanwhile. */
export function tableOf(rows: readonly Row[]): string {
  const header: Row = { what: 'what', floor: 'floor', target: 'target', ours: 'ours' }
  const all = [header, ...rows]
  const widths = COLUMNS.map((column) => Math.max(...all.map((row) => row[column].length)))
  const line = (row: Row) =>
    `| ${COLUMNS.map((column, at) => row[column].padEnd(widths[at] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [line(header), rule, ...rows.map(line), '', load()].join('\n')
}

/** The ratio of a subject to the floor, by the wall clock and by the processor. */
export const ratioOf = ({ ratio, cpuRatio }: Compared): string =>
  `${ratio.toFixed(2)} (CPU ${cpuRatio.toFixed(2)})`

/** A floor by its name and its speed. */
export function rateOf({ name, rate }: Compared): string {
  const short = rate >= 1e6 ? `${(rate / 1e6).toFixed(1)} M` : `${(rate / 1e3).toFixed(1)} k`
  return `${name}, ${short}/s`
}

export const load = (): string =>
  `load average ${loadavg()
    .map((part) => part.toFixed(2))
    .join(' ')}`
