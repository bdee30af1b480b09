import type { Commit } from '../database.ts'
import type { ReadRecord, WriteRecord } from '../records.ts'
import type { Operation } from './check.ts'

/** A part of one key's history in which strict writes alone were committed, so that it must be linearizable (G5). */
export interface Stretch {
  readonly key: number
  /** What it began with. */
  readonly initial: number
  readonly operations: readonly Operation[]
}

/**
 * Cuts the histories of all keys where a write could not promise that the whole fleet sees it, was refused, or belongs to a
 * writer that died. From its commit on nothing is promised about the key, until the next commit that is: reads that begin
 * after that one must see it or a newer one.
 *
 * A write takes effect at its commit, whose moment is known exactly: its interval is a point. A read takes effect somewhere
 * from its begin to its end.
 */
export function stretches(
  commits: readonly Commit[],
  writes: readonly WriteRecord[],
  reads: readonly ReadRecord[],
): Stretch[] {
  const promised = new Set(
    writes.filter(({ outcome }) => outcome === 'applied').map(({ key, version }) => `${key}:${version}`),
  )
  const readsOf = Map.groupBy(
    reads.filter(({ from }) => from !== 'failed'),
    ({ key }) => key,
  )
  const commitsOf = Map.groupBy(commits, ({ key }) => key)
  const keys = new Set([...readsOf.keys(), ...commitsOf.keys()])
  return [...keys].flatMap((key) =>
    cut(commitsOf.get(key) ?? [], promised).map(({ start, writes: inside, end }) => ({
      key,
      initial: start.version,
      operations: [
        ...inside.map(
          ({ version, at }): Operation => ({ kind: 'write', value: version, began: at, ended: at }),
        ),
        ...(readsOf.get(key) ?? [])
          .filter(({ began, ended }) => began >= start.at && ended < end)
          .map(({ version, began, ended }): Operation => ({ kind: 'read', value: version, began, ended })),
      ],
    })),
  )
}

interface Cut {
  readonly start: { readonly version: number; readonly at: number }
  readonly writes: Commit[]
  end: number
}

function cut(commits: readonly Commit[], promised: ReadonlySet<string>): Cut[] {
  let current: Cut | undefined = open({ version: 0, at: Number.NEGATIVE_INFINITY })
  const cuts = [current]
  for (const commit of commits) {
    if (!promised.has(`${commit.key}:${commit.version}`)) {
      if (current) current.end = commit.at
      current = undefined
    } else if (current) {
      current.writes.push(commit)
    } else {
      current = open(commit)
      cuts.push(current)
    }
  }
  return cuts
}

const open = (start: Cut['start']): Cut => ({ start, writes: [], end: Number.POSITIVE_INFINITY })
