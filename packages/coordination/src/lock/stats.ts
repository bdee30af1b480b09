import type { Metric } from '@lockstep/redis'

/** What has happened to the locks of a process, and how they stand. */
export interface LockStats {
  /** Held now. */
  held: number
  /** Callers that wait now. */
  waiting: number
  /** Given back, and Redis has not heard of it yet. */
  owed: number
  acquired: number
  /** Of those acquired: not had at the first ask. */
  waited: number
  /** Of those acquired: handed over by the holder before. */
  handOffs: number
  /** Waits that ended without the lock, by the end of the wait, by the caller's signal, or by an error. */
  timeouts: number
  aborted: number
  failed: number
  lost: number
  released: number
  /** All waits together, in ms, and the longest. */
  waitMs: number
  longestWaitMs: number
}

export const noLockStats = (): LockStats => ({
  held: 0,
  waiting: 0,
  owed: 0,
  acquired: 0,
  waited: 0,
  handOffs: 0,
  timeouts: 0,
  aborted: 0,
  failed: 0,
  lost: 0,
  released: 0,
  waitMs: 0,
  longestWaitMs: 0,
})

const METRICS: readonly [keyof LockStats, string, string, 'counter' | 'gauge', scale?: number][] = [
  ['held', 'held', 'Held now', 'gauge'],
  ['waiting', 'waiting', 'Callers that wait now', 'gauge'],
  ['owed', 'owed', 'Given back, and Redis has not heard of it yet', 'gauge'],
  ['acquired', 'acquired_total', 'Acquired', 'counter'],
  ['waited', 'waited_total', 'Acquired after a wait', 'counter'],
  ['handOffs', 'hand_offs_total', 'Handed over by the holder before', 'counter'],
  ['timeouts', 'timeouts_total', 'Waits that ended in vain', 'counter'],
  ['aborted', 'aborted_total', 'Waits that their caller ended', 'counter'],
  ['failed', 'failed_total', 'Asks that failed', 'counter'],
  ['lost', 'lost_total', 'Lost while held', 'counter'],
  ['released', 'released_total', 'Released', 'counter'],
  ['waitMs', 'wait_seconds_total', 'All waits together', 'counter', 1 / 1000],
  ['longestWaitMs', 'wait_seconds_max', 'The longest wait', 'gauge', 1 / 1000],
]

/** @param kind `lock` or `semaphore`, the only label: never one by resource */
export const lockMetrics = (stats: LockStats, kind: string): Metric[] =>
  METRICS.map(([field, name, help, type, scale = 1]) => ({
    name: `lockstep_locks_${name}`,
    help,
    type,
    labels: { kind },
    value: stats[field] * scale,
  }))
