/**
 * The seams of the cache. Everything that the outside world decides (time, chance, what Redis says, which messages
 * arrive) comes in through these, so that the same code runs on Redis, in memory, and under a simulated clock.
 */

/** Time, in milliseconds. */
export interface Clock {
  /** Never goes back, and means nothing outside of this process. */
  now(): number
  /** Since the epoch, as far as this machine knows. */
  wall(): number
  /** Calls back once, without keeping the process alive; returns how to cancel. */
  after(ms: number, action: () => void): () => void
}

/** What an invalidation is about: single entries by name (`books:v1:42`), and whole caches (`book-lists:v1`). */
export interface Invalidation {
  readonly names: readonly string[]
  readonly caches: readonly string[]
}

/** What L2 holds for a name. `value` undefined means that the source is known not to have it. */
export interface StoredEntry {
  readonly value: unknown
  /** When it ends, on the wall clock. */
  readonly expiresAt: number
}

/** The right to fill one entry, taken before the source is read. Any invalidation in between takes it away. */
export interface Grant {
  readonly token: string
  /** The generation of the cache when the right was granted: the entry's stamp. */
  readonly generation: string
}

/** L2. Every method rejects when L2 is away; none waits for it longer than its own stated timeout. */
export interface Store {
  /** The entry, unless there is none or its cache was cleared since it was filled. */
  read(cache: string, name: string): Promise<StoredEntry | undefined>
  /** The right to fill. It goes to whoever asks last: an earlier load loses it. */
  lease(cache: string, name: string): Promise<Grant>
  /** Stores the entry if the grant still stands; tells whether it did. */
  fill(name: string, grant: Grant, entry: StoredEntry): Promise<boolean>
  /** Removes entries and the rights to fill them, in one atomic step, and publishes `message` in the same step. */
  invalidate(what: Invalidation, message: string | undefined): Promise<void>
  /** Calls back each time that L2 answers again after it was away, until the returned function is called. */
  onAvailable(listener: () => void): () => void
}

/** Who hears what the fleet publishes. */
export interface BusListener {
  /** Messages arrive from now on; earlier ones may have been missed. */
  up(): void
  /** Messages no longer arrive. */
  down(): void
  message(payload: string): void
}

/** The channel on which the fleet's invalidations arrive. */
export interface Bus {
  listen(listener: BusListener): () => Promise<void>
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
}
