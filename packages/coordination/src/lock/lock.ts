import type { Metric } from '@lockstep/redis'
import type { LockStats } from './stats.ts'
import type { AcquireOptions, TryOptions } from './terms.ts'

/** How a release ended: it was given back; there was nothing left to give back; Redis does not say, and is asked again later. */
export type Released = 'released' | 'gone' | 'unknown'

/** A lock, or a permit of a semaphore, that its holder has until it releases or loses it. */
export interface Lock extends AsyncDisposable {
  readonly resource: string
  /** Whether it can be relied on at this moment, as far as this process's clocks tell. */
  readonly held: boolean
  /** Milliseconds that the lease has to run unless it is renewed; 0 when it is not held. */
  readonly rest: number
  /**
   * Aborts when the lock can no longer be trusted, at the latest when its lease ends, whether or not Redis answers. Its
   * reason is a {@link LockLostError}. It is a timer's word: after a pause of the process it comes late, and only
   * {@link assertHeld} and a fence are in time.
   */
  readonly signal: AbortSignal
  /**
   * @throws {LockLostError} when its lease has ended, even before a timer could say so
   * @throws {LockNotHeldError} when it was released
   */
  assertHeld(): void
  /** Gives it back. It never throws; what it gives is for those who care. */
  release(): Promise<Released>
}

/** A lock with a number that rises with each holder: a resource that has seen a higher one refuses this one's writes. */
export interface FencedLock extends Lock {
  readonly fence: number
}

/** Locks, or the permits of a semaphore, by the name of a resource. */
export interface Locks<L extends Lock> {
  /**
   * Waits for its turn, first come, first served among processes and within each, and takes it.
   *
   * @throws {LockTimeoutError} when the wait is over, also when Redis did not answer; or the signal's reason
   * @throws {LockNotDurableError} when `durability` was asked for and not had
   * @throws {LocksClosedError} when the locks are closed
   * @throws {LockOptionError | DurationError} for options that make no sense
   */
  acquire(resource: string, options?: AcquireOptions): Promise<L>
  /**
   * Takes it if it is free and nobody waits for it; null otherwise.
   *
   * @throws {LockUnavailableError} when Redis does not answer; and as `acquire` does
   */
  tryAcquire(resource: string, options?: TryOptions): Promise<L | null>
  /**
   * Does some work under the lock, and releases it. What the work throws is what the caller gets, whatever becomes of the
   * lock.
   *
   * @throws {LockLostError} when the work has ended well, but the lock was lost before: somebody else may have been at it
   */
  run<R>(resource: string, options: AcquireOptions, work: (lock: L) => R | Promise<R>): Promise<R>
  /**
   * Waits until the connection for locks is there, for `timeout` milliseconds at most; tells whether it is. A service need
   * not wait: until then `acquire` waits anyway, and `tryAcquire` rejects.
   */
  whenAvailable(timeout: number): Promise<boolean>
  stats(): LockStats
  /** The same as metrics, for Prometheus or OpenTelemetry to read when they are asked. Never labelled by resource. */
  metrics(): Metric[]
  /** Ends all waits, gives back what is held, and closes the connections. */
  close(): Promise<void>
}
