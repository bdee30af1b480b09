/**
 * What keeps the guarantees, one switch each. They are all on; the proof turns them off one at a time and shows that
 * something then breaks. Nothing outside of the tests can reach them.
 */
export interface Guards {
  /** An eviction voids the reads under way: they are kept nowhere, and nobody joins them. */
  readonly fence: boolean
  /** A fill is stored only while its lease stands. */
  readonly fillLease: boolean
  /** L1 is served only under a lease. */
  readonly l1Lease: boolean
  /** A gap in the sequence is replayed before the lease is renewed. */
  readonly replay: boolean
  /** Entries, messages and fills of another incarnation are not ours; history that was lost begins a new one. */
  readonly incarnation: boolean
  /** The wall clock tells of the time that the monotonic one has slept through. */
  readonly wallClock: boolean
  /** An entry stamped before a marker that covers it reads as absent. */
  readonly markerStamp: boolean
  /** While a write is under way, no fill is granted. */
  readonly intent: boolean
  /** A write that met another one never writes through. */
  readonly contended: boolean
  /** The tokens of the log are compared. */
  readonly historyToken: boolean
  /** Nobody joins a read that is older than T, or that asked the source without a lease. */
  readonly joinAge: boolean
  /** While an invalidation of ours is on its way, this process reads past the caches. */
  readonly bypass: boolean
  /** What was granted in a young incarnation ends with its youth. */
  readonly youth: boolean
  /** A fleet-wide write waits for acknowledgements, or for T. */
  readonly acknowledgement: boolean
}

export const ALL_GUARDS: Guards = {
  fence: true,
  fillLease: true,
  l1Lease: true,
  replay: true,
  incarnation: true,
  wallClock: true,
  markerStamp: true,
  intent: true,
  contended: true,
  historyToken: true,
  joinAge: true,
  bypass: true,
  youth: true,
  acknowledgement: true,
}
