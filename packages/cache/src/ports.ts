/**
 * The seams of the cache. Everything that the outside world decides (time, chance, what Redis says, which messages
 * arrive) comes in through these, so that the same code runs on Redis, in memory, and under a simulated clock.
 */
import type { Change, Head, Invalidation } from './protocol/history.ts'

/** The entries that a reader asked for, and the head at the same instant: one atomic look at one shard. */
export interface ReadReply {
  /** Undefined: Redis holds nothing of ours. */
  readonly head: Head | undefined
  readonly entries: readonly (Buffer | undefined)[]
}

/** A wish to load an entry. */
export interface LeaseAsk {
  readonly name: string
  /** Sixteen random characters: the lease's token, and the identity of the entry that the load will make. */
  readonly token: string
  /** The identity of the entry that the caller read and rejected, or found due for a refresh: it counts as absent. */
  readonly rejected?: string | undefined
}

export type LeaseAnswer =
  /** The lease is the asker's. */
  | { readonly kind: 'granted' }
  /** Somebody else is loading it; `filled` will be published, and may be lost. */
  | { readonly kind: 'wait' }
  /** A write is under way: load it, keep it nowhere. */
  | { readonly kind: 'uncacheable' }
  /** Another entry than the rejected one is there. */
  | { readonly kind: 'entry'; readonly bytes: Buffer }

/** Every script's reply begins with the head, and the server's time. */
export interface HeadReply {
  readonly head: Head
  /** The server's clock, in milliseconds since the epoch. */
  readonly time: number
}

export interface Fill {
  readonly name: string
  readonly token: string
  /** Of the grant: a fill that comes after the incarnation ended is refused. */
  readonly incarnation: number
  /** Undefined: the load failed, the lease is given back. */
  readonly bytes: Buffer | undefined
  /** Milliseconds until Redis drops it. */
  readonly lifetime: number
}

/** An entry written through. Its stamp is put in by the script: only there the new seq is known. */
export interface Write {
  readonly name: string
  readonly bytes: Buffer
  readonly lifetime: number
}

/** Who invalidates, and who must say that it has. */
export interface Note {
  /** The process that writes. */
  readonly origin: string
  /** Replicas are to acknowledge to the origin. */
  readonly acknowledge?: boolean
}

export interface ChangeReply extends HeadReply {
  readonly change: Change
  /** How many entries lay in Redis and are gone. */
  readonly removed: number
}

export interface SetReply extends ChangeReply {
  /** `refused`: a newer version was there; only that entry stays, and nothing was invalidated. */
  readonly result: 'stored' | 'invalidated' | 'refused'
}

export interface BeginReply extends ChangeReply {
  /** The replicas that may hold a lease on their L1, by their last probe. */
  readonly replicas: readonly string[]
  /** The server time by which all of those leases have ended. */
  readonly leasedUntil: number
}

export interface EndReply extends ChangeReply {
  /** Whether the intent still stood, in the incarnation in which it began. */
  readonly stood: boolean
  readonly stored: boolean
}

export interface Markers {
  /** By kind and name, such as `t:author:7`, `p:books:v1:list:`, `c:books:v1`. */
  readonly seqs: readonly (readonly [string, number])[]
  /** Entries stamped below it read as absent. */
  readonly floor: number
}

export interface ProbeReply extends HeadReply {
  /** When asked for. */
  readonly markers: Markers | undefined
}

export interface ReplayReply extends HeadReply {
  /** What the log holds after `after`, in order; it does not begin with the next one when the log no longer reaches back. */
  readonly changes: readonly Change[]
}

/**
 * L2: one method for each script, each atomic within its shard. Every method rejects when L2 is away; none waits longer
 * than the link's own command timeout.
 *
 * Those that reply with a head start a new incarnation when it is missing, which empties log and markers; only `read`
 * says that there is none.
 */
export interface Store {
  /** How many ordering domains there are: 1 on a single Redis. */
  readonly shards: number
  shardOf(name: string): number
  read(shard: number, names: readonly string[]): Promise<ReadReply>
  /** Asks for fill leases of `ms`; the head in the reply is the stamp of each grant. */
  lease(shard: number, asks: readonly LeaseAsk[], ms: number): Promise<HeadReply & { answers: LeaseAnswer[] }>
  /** Keeps a lease for `ms` more; false when it is lost. */
  renew(shard: number, name: string, token: string, ms: number): Promise<boolean>
  /** Stores each entry whose lease still holds its token and whose incarnation stands; wakes those who wait. */
  fill(shard: number, fills: readonly Fill[]): Promise<boolean[]>
  /** Extends entries that exist; never makes one. */
  touch(shard: number, entries: readonly { name: string; lifetime: number }[]): Promise<void>
  /**
   * Removes entries with their leases, sets markers, adds to seq and log, and publishes: one atomic step. (More than 500
   * entries take several.)
   */
  invalidate(shard: number, what: Invalidation, note: Note): Promise<ChangeReply>
  /**
   * Evicts what a foreign program declared stale: as `invalidate`, but nothing at all happens when there is neither entry
   * nor lease nor intent, because then another replica came first. Undefined in that case.
   */
  evictPresent(shard: number, names: readonly string[], note: Note): Promise<ChangeReply | undefined>
  /**
   * Writes a value through. With a version: over a live older entry only; below the stored version it is refused; over
   * nothing it only invalidates, since an absent entry leaves no version to compare. Without: always. While an intent is
   * live it only invalidates.
   */
  set(shard: number, write: Write, version: number | undefined, note: Note): Promise<SetReply>
  /** Declares a write: for `ms` no fill of these names is granted; invalidates them. */
  begin(shard: number, names: readonly string[], token: string, ms: number, note: Note): Promise<BeginReply>
  /** Ends a write: removes the intent and invalidates, or stores `writes` if nobody else wrote since `begin`. */
  end(
    shard: number,
    names: readonly string[],
    token: string,
    incarnation: number,
    writes: readonly Write[],
    note: Note,
  ): Promise<EndReply>
  /**
   * Records the replica as alive, with the head. Starts a new incarnation when this server is not the one that the
   * incarnation began on: after a restart or failover nobody knows what was lost.
   *
   * @param within for how long from now, in ms, the replica may hold a lease on its L1: so long it is listed by `begin`
   */
  probe(shard: number, replica: string, within: number, markers: boolean): Promise<ProbeReply>
  replay(shard: number, after: number): Promise<ReplayReply>
  /** Starts a new incarnation if `expected` still stands. */
  rotate(shard: number, expected: number): Promise<HeadReply>
  /** Takes the replica off the list. */
  leave(shard: number, replica: string): Promise<void>
  /** Calls back each time that L2 answers again after it was away, until the returned function is called. */
  onAvailable(listener: () => void): () => void
  /** The names in L2 that match a glob, in batches (SCAN, never KEYS). One may come twice. */
  scan(glob: string): AsyncIterable<readonly string[]>
  /** How entries begin: header and tags at least, and as much of the body as comes along. */
  headers(shard: number, names: readonly string[]): Promise<(Buffer | undefined)[]>
  /** Removes entries as they are, without a word: for those that no reader can read any more. Returns how many. */
  drop(shard: number, entries: readonly { name: string; identity: string }[]): Promise<number>
}

/** Who hears what the fleet publishes. */
export interface BusListener {
  /** Messages arrive from now on; earlier ones may have been missed. */
  up(): void
  /** Messages no longer arrive. */
  down(): void
  message(payload: string): void
}

/** The channels on which the fleet's messages arrive. */
export interface Bus {
  /** Hears the invalidations of all shards, and what foreign programs publish. */
  listen(listener: BusListener): () => Promise<void>
  /** Hears the acknowledgements sent to `origin`; resolves when it does, rejects when it does not within a second. */
  listenTo(origin: string, hear: (payload: string) => void): Promise<() => Promise<void>>
  /** Sends an acknowledgement to `origin`. */
  tell(origin: string, payload: string): Promise<void>
}

/** How a cache reaches the rest of the fleet. */
export interface Transport {
  /** Names the instance: messages and keys of others are not ours. */
  readonly prefix: string
  readonly store: Store
  readonly bus: Bus
}

/** The part of a pino logger that this package writes to. */
export interface Logger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}
