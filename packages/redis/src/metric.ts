/** One number as Prometheus and OpenTelemetry take it. It is labelled by cache and tier, never by key. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}
