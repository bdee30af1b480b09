import type { Metric } from '@lockstep/redis'

/** What happened to sessions on this replica. */
export interface SessionCounts {
  created: number
  rotated: number
  destroyed: number
  tampered: number
  ended: number
  superseded: number
  tooLarge: number
  corrupt: number
  storeErrors: number
}

export const noCounts = (): SessionCounts => ({
  created: 0,
  rotated: 0,
  destroyed: 0,
  tampered: 0,
  ended: 0,
  superseded: 0,
  tooLarge: 0,
  corrupt: 0,
  storeErrors: 0,
})

const PLAIN = [
  ['created', 'created_total', 'Sessions created, also in the place of others'],
  ['rotated', 'rotated_total', 'Sessions that took the place of another at a login'],
  [
    'destroyed',
    'destroyed_total',
    'Sessions ended by a log-out, by another login, or because a user had too many',
  ],
  ['storeErrors', 'store_errors_total', 'Calls to Redis that failed'],
] as const

const REFUSED = ['tampered', 'ended', 'superseded', 'tooLarge', 'corrupt'] as const

export const metricsOf = (counts: Readonly<SessionCounts>): Metric[] => [
  ...PLAIN.map(([field, name, help]) => metric(name, help, counts[field])),
  ...REFUSED.map((field) =>
    metric('refused_total', 'Cookies, records and changes that were refused', counts[field], {
      reason: field === 'tooLarge' ? 'too-large' : field,
    }),
  ),
]

const metric = (name: string, help: string, value: number, labels: Metric['labels'] = {}): Metric => ({
  name: `lockstep_sessions_${name}`,
  help,
  type: 'counter',
  labels,
  value,
})
