import type { Phase } from './cold-warm.ts'
import type { Replay } from './trace.ts'

/** A table in Markdown, its columns as wide as what is in them. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`
  const [header = [], ...others] = rows
  return [
    line(header),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
    ...others.map(line),
  ].join('\n')
}

const ms = (time: number): string => `${time.toFixed(2)} ms`
const whole = (rate: number): string => Math.round(rate).toLocaleString('en-US')

export function phaseTable(cold: Phase, warm: Phase): string {
  const row = ({ name, latencies, hitRate, rate }: Phase) => [
    name,
    whole(latencies.count),
    ...[latencies.mean, latencies.median, latencies.min, latencies.max, latencies.deviation].map(ms),
    ...[95, 99].map((part) => ms(latencies.percentile(part))),
    `${(cold.latencies.mean / latencies.mean).toFixed(2)} ×`,
    `${hitRate.toFixed(2)} %`,
    whole(rate),
  ]
  const columns = 'read,reads,mean,median,min,max,deviation,p95,p99,improvement,hit rate,reads/s'
  return table([columns.split(','), row(cold), row(warm)])
}

export function replayTable(replays: readonly Replay[]): string {
  const columns = 'replicas,requests,from L1,from L2,hit rate,failed,reads/s'
  const rows = replays.map(({ replicas, requests, l1, l2, hitRate, failed, rate }) => [
    String(replicas),
    whole(requests),
    ...[l1, l2, hitRate].map((percent) => `${percent.toFixed(2)} %`),
    whole(failed),
    whole(rate),
  ])
  return table([columns.split(','), ...rows])
}
