/** A value and where it came from. */
export interface Reading<V> {
  /** Undefined: the source does not have it. Shared with other readers: treat it as read-only. */
  readonly value: V | undefined
  readonly from: 'l1' | 'l2' | 'source'
  /** Milliseconds since it was loaded. */
  readonly age: number
  /** Milliseconds for which it is still fresh; below 0 when it is not. */
  readonly ttl: number
  /** Served past its freshness: it expired, but nobody invalidated it. */
  readonly stale: boolean
  /** Whether it lies in L1 now. */
  readonly stored: boolean
  /** The longest, in ms, that an invalidation may have gone unnoticed; 0 when the source was asked just now. */
  readonly bound: number
  /** Why the cache did less than it could. */
  readonly degraded?: Degraded
}

export type Degraded =
  /** Redis does not answer, or cannot be trusted yet: the source was asked, and the answer not kept. */
  | 'l2-away'
  /** A write of this process is on its way to Redis. */
  | 'invalidating'
  /** A write has begun somewhere and not ended. */
  | 'writing'
  /** The load failed; this is what there was. */
  | 'load-failed'
  /** The load takes longer than the softTimeout; this is what there was. */
  | 'load-slow'
  /** The load of another replica took too long to wait for. */
  | 'waited'

/** A read of one entry under way, past L1. */
export interface Flight<V> {
  /** Of the entry, `books:v1:42`. */
  readonly name: string
  /** What the fences of its region said when it began. */
  since: number
  /** When it began; in the future while it waits for the one before it. */
  begun: number
  /** The source has been asked: what it answers may be older than a caller who comes now. */
  asked: boolean
  /** It holds the fill lease, so that any invalidation that Redis knows of voids it. */
  granted: boolean
  /** To be asked for before it has ended. */
  readonly promise: Promise<Reading<V>>
  /** The same without where it came from. */
  readonly value: Promise<V | undefined>
  /** For those who came too late to join: it begins when this one has ended. */
  next: Flight<V> | undefined
}

/** A reading of what is kept nowhere. */
export function fresh<V>(value: V | undefined, from: 'source', degraded?: Degraded): Reading<V> {
  const reading = { value, from, age: 0, ttl: 0, stale: false, stored: false, bound: 0 }
  return degraded === undefined ? reading : { ...reading, degraded }
}

export const valueOf = <V>(reading: Reading<V>): V | undefined => reading.value
