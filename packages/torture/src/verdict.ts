import type { ProcessHistory, ReadRecord, WriteRecord } from './records.ts'

/** For the clock's own grain, in milliseconds. */
const EPSILON = 2

/** That a version was known to be everywhere it must be at some time. */
export interface Replacement {
  readonly key: number
  readonly version: number
  readonly at: number
}

export interface Verdict {
  readonly reads: number
  readonly writes: number
  readonly failedReads: number
  /** Reads of a value whose replacement was known to Redis more than T before the read began (G1). */
  readonly stalePastT: number
  /** How long before a read the value that it got had been replaced, the longest; 0 when none was. Milliseconds. */
  readonly oldest: number
  /** Reads of a process that did not show what the same process had written before (G3). */
  readonly ownWritesUnread: number
  /**
   * From the begin of an invalidation to that of the first read in each other replica past the last that still got an older
   * value, in order. Milliseconds.
   */
  readonly propagation: readonly number[]
  /** From the begin of an invalidation to the end of the first read of the new value in each other replica, in order. */
  readonly renewal: readonly number[]
}

export interface Terms {
  readonly maxStaleness: number
  /** Read often by all and written by one, to measure propagation. */
  readonly probe: number
  /** Replacements that no write reports, such as those of a writer that died. */
  readonly assumed: readonly Replacement[]
}

/** Holds what all processes did against the guarantees. */
export function judge(histories: readonly ProcessHistory[], terms: Terms): Verdict {
  const reads = histories.flatMap((history) => history.reads.filter(({ from }) => from !== 'failed'))
  const all = histories.reduce((sum, history) => sum + history.reads.length, 0)
  const writes = histories.flatMap((history) => history.writes)
  const applied = writes.filter(({ outcome }) => outcome === 'applied')
  const replaced = replacedAt([
    ...applied.map(({ key, version, ended }) => ({ key, version, at: ended })),
    ...terms.assumed,
  ])
  const ages = reads.map((read) => read.began - replaced(read.key, read.version))
  return {
    reads: all,
    writes: writes.length,
    failedReads: all - reads.length,
    stalePastT: ages.filter((age) => age > terms.maxStaleness + EPSILON).length,
    oldest: ages.reduce((oldest, age) => Math.max(oldest, age), 0),
    ownWritesUnread: histories.reduce((sum, history) => sum + unreadBy(history), 0),
    propagation: betweenProcesses(histories, terms.probe, evictions),
    renewal: betweenProcesses(histories, terms.probe, firstReads),
  }
}

/** When a version was first known to be replaced by a newer one, whichever; never is Infinity. */
export function replacedAt(replacements: readonly Replacement[]): (key: number, version: number) => number {
  const byKey = new Map<number, number[]>()
  for (const { key, version, at } of replacements) {
    const times = byKey.get(key) ?? []
    byKey.set(key, times)
    times[version] = Math.min(at, times[version] ?? Number.POSITIVE_INFINITY)
  }
  for (const times of byKey.values()) {
    let earliest = Number.POSITIVE_INFINITY
    // From the newest down: what replaced a later version replaced the earlier ones, too.
    for (let version = times.length - 1; version >= 0; version--) {
      const own = times[version] ?? Number.POSITIVE_INFINITY
      times[version] = earliest
      earliest = Math.min(earliest, own)
    }
  }
  return (key, version) => byKey.get(key)?.[version] ?? Number.POSITIVE_INFINITY
}

/** A write that is still pending counts as well: the process itself knows of it. */
function unreadBy({ reads, writes }: ProcessHistory): number {
  const own = writes.filter(({ outcome, version }) => outcome !== 'failed' && version > 0)
  const replaced = replacedAt(own.map(({ key, version, ended }) => ({ key, version, at: ended })))
  return reads.filter((read) => read.from !== 'failed' && read.began > replaced(read.key, read.version))
    .length
}

type ProbeWrite = Pick<WriteRecord, 'version' | 'began'>

/** Of the writes of the probe in each process, as each other process has read them. */
function betweenProcesses(
  histories: readonly ProcessHistory[],
  probe: number,
  times: (writes: readonly ProbeWrite[], reads: readonly ReadRecord[]) => number[],
): number[] {
  const all: number[] = []
  for (const writer of histories) {
    const writes = writer.writes.filter(({ key, outcome }) => key === probe && outcome === 'applied')
    for (const reader of histories) {
      if (reader === writer) continue
      all.push(
        ...times(
          writes,
          reader.reads.filter(({ key, from }) => key === probe && from !== 'failed'),
        ),
      )
    }
  }
  return all.toSorted((a, b) => a - b)
}

/** How long after its begin each write was last missed: till the begin of the first read past that. */
function evictions(writes: readonly ProbeWrite[], reads: readonly ReadRecord[]): number[] {
  const inOrder = reads.toSorted((a, b) => a.began - b.began)
  const times: number[] = []
  let next = inOrder.length
  for (const { version, began } of writes.toReversed()) {
    while (next > 0 && (inOrder[next - 1]?.version ?? 0) >= version) next--
    const read = inOrder[next]
    if (read) times.push(Math.max(0, read.began - began))
  }
  return times
}

/** How long after its begin each write was first read. The versions are in the order of time. */
function firstReads(writes: readonly ProbeWrite[], reads: readonly ReadRecord[]): number[] {
  const inOrder = reads.toSorted((a, b) => a.ended - b.ended)
  const times: number[] = []
  let next = 0
  for (const { version, began } of writes) {
    while (next < inOrder.length && (inOrder[next]?.version ?? 0) < version) next++
    const read = inOrder[next]
    if (read) times.push(Math.max(0, read.ended - began))
  }
  return times
}

/** The value below which a share of the sorted times lies; undefined when there are none. */
export function percentile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}
