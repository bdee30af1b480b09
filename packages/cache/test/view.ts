import { ManualClock } from '@lockstep/testing'
import type { Markers } from '../src/ports.ts'
import { ALL_GUARDS, type Guards } from '../src/protocol/guards.ts'
import type { Change, Head } from '../src/protocol/history.ts'
import { ShardView } from '../src/protocol/shard-view.ts'

export const INCARNATION = 7
/** T, in ms. */
export const T = 2000

const tokenAt = (seq: number): string => `t${seq}`

export const headAt = (seq: number, more: Partial<Head> = {}): Head => ({
  incarnation: INCARNATION,
  seq,
  token: tokenAt(seq),
  born: 0,
  ...more,
})

/** The change with this seq, about the entry `books:v1:<seq>`. */
export const changeAt = (seq: number, more: Partial<Change> = {}): Change => ({
  incarnation: INCARNATION,
  seq,
  token: tokenAt(seq),
  previous: tokenAt(seq - 1),
  origin: 'writer',
  acknowledge: false,
  keys: [`books:v1:${seq}`],
  tags: [],
  prefixes: [],
  caches: [],
  ...more,
})

/** A view whose requests are written down; what it is told is up to the test. */
export function viewOf(guards: Partial<Guards> = {}) {
  const clock = new ManualClock(0)
  const asked: string[] = []
  const view = new ShardView({
    clock,
    maxStaleness: T,
    guards: { ...ALL_GUARDS, ...guards },
    effects: {
      evict: ({ keys, tags }) => void asked.push(`evict ${[...keys, ...tags].join()}`),
      flush: () => void asked.push('flush'),
      probe: () => void asked.push('probe'),
      replay: () => void asked.push('replay'),
      rotate: (incarnation) => void asked.push(`rotate ${incarnation}`),
      acknowledge: ({ seq }) => void asked.push(`acknowledge ${seq}`),
    },
  })
  return {
    clock,
    view,
    /** What was asked since the last look. */
    asked: () => asked.splice(0),
    /** A probe whose reply comes at once. */
    probe(head: Head, markers: Markers | undefined = view.joined ? undefined : { seqs: [], floor: 0 }) {
      view.probed({ head, time: clock.wall(), markers }, view.sent())
    },
    replay(head: Head, changes: readonly Change[], sent = view.sent()) {
      view.replayed({ head, changes, time: clock.wall() }, sent)
    },
  }
}

/** A view that has joined at this seq, and holds a lease. */
export function joinedAt(seq: number, guards: Partial<Guards> = {}) {
  const made = viewOf(guards)
  made.probe(headAt(seq))
  made.asked()
  return made
}
