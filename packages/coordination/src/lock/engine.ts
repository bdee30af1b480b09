import { type Clock, type Logger, type Metric, realTime } from '@lockstep/redis'
import type { Ask, Backend } from './backend.ts'
import { askOnce, contend, type Failed, type Granted, type NotGranted } from './contender.ts'
import {
  LockLostError,
  LocksClosedError,
  LockTimeoutError,
  LockUnavailableError,
  type LossReason,
} from './errors.ts'
import type { LeaseView } from './held-lock.ts'
import { deadlineOf, Lease } from './lease.ts'
import { Lines } from './lines.ts'
import type { Lock, Locks } from './lock.ts'
import { Patience } from './patience.ts'
import { Presence } from './presence.ts'
import { Returns } from './returns.ts'
import { type LockStats, lockMetrics, noLockStats } from './stats.ts'
import { type AcquireOptions, resourceOf, type Terms, type TryOptions, termsOf } from './terms.ts'

export interface EngineOptions<Grant, L extends Lock> {
  readonly kind: string
  readonly backend: Backend<Grant>
  readonly clock: Clock
  readonly logger: Logger
  readonly defaults: Terms
  /** Makes what the holder gets of a lease and what came with it. */
  readonly make: (lease: LeaseView, grant: Grant) => L
}

/** Locks over any backend: waiting in line, holding, renewing and giving back. */
export class LockEngine<Grant, L extends Lock> implements Locks<L> {
  readonly #options: EngineOptions<Grant, L>
  readonly #backend: Backend<Grant>
  readonly #clock: Clock
  readonly #returns: Returns
  readonly #lines = new Lines()
  readonly #leases = new Set<Lease>()
  readonly #asking = new Presence()
  readonly #closed = new AbortController()
  readonly #stats = noLockStats()

  constructor(options: EngineOptions<Grant, L>) {
    this.#options = options
    this.#backend = options.backend
    this.#clock = realTime(options.clock)
    this.#returns = new Returns(options.backend, this.#clock)
  }

  async acquire(resource: string, options: AcquireOptions = {}): Promise<L> {
    const { lock } = await this.#acquire(resource, options)
    return lock
  }

  async tryAcquire(resource: string, options: TryOptions = {}): Promise<L | null> {
    const { ttl, maxHold } = termsOf(options, this.#options.defaults)
    const ask = {
      resource: resourceOf(resource),
      token: this.#backend.token(),
      lease: Math.min(ttl, maxHold),
    }
    this.#refuseWhenClosed()
    if (this.#lines.has(resource)) return null
    this.#asking.enter()
    try {
      const sent = this.#clock.now()
      const answer = await this.#counted(askOnce(this.#backend, ask, false))
      const closed = this.#closed.signal.aborted
      if (answer.kind === 'granted' && !closed && this.#clock.now() < deadlineOf(sent, ask.lease))
        return this.#hold(ask, { ...answer, sent, lease: ask.lease, handed: false, doubtful: false }, maxHold)
          .lock
      if (answer.kind === 'granted' || (answer.kind === 'unanswered' && answer.doubtful))
        void this.#returns.give(ask, answer.kind === 'unanswered')
      this.#refuseWhenClosed()
      if (answer.kind !== 'unanswered') return null
      this.#stats.failed++
      throw new LockUnavailableError(resource, { cause: answer.cause })
    } finally {
      this.#asking.leave()
    }
  }

  async run<R>(resource: string, options: AcquireOptions, work: (lock: L) => R | Promise<R>): Promise<R> {
    const { lock, lease } = await this.#acquire(resource, options)
    let lost: LossReason | undefined
    let result: R
    try {
      result = await work(lock)
      lost = lease.lost ?? (lease.released || lease.rest > 0 ? undefined : 'expired')
    } finally {
      await lock.release()
    }
    if (lost) throw new LockLostError(resource, lost)
    return result
  }

  whenAvailable(timeout: number): Promise<boolean> {
    return this.#backend.whenAvailable(timeout)
  }

  stats(): LockStats {
    return { ...this.#stats, held: this.#leases.size, owed: this.#returns.owed }
  }

  metrics(): Metric[] {
    return lockMetrics(this.stats(), this.#options.kind)
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await this.#asking.empty()
    const leases = [...this.#leases]
    for (const lease of leases) lease.lose('closed')
    await Promise.all(leases.map((lease) => lease.release()))
    await this.#returns.close()
    await this.#backend.close()
  }

  async #acquire(resource: string, options: AcquireOptions): Promise<{ lock: L; lease: Lease }> {
    const { ttl, wait, maxHold } = termsOf(options, this.#options.defaults)
    const ask = {
      resource: resourceOf(resource),
      token: this.#backend.token(),
      lease: Math.min(ttl, maxHold),
    }
    const { signal } = options
    signal?.throwIfAborted()
    this.#refuseWhenClosed()
    const patience = new Patience(this.#clock, wait, signal, this.#closed.signal)
    const place = this.#lines.join(resource)
    this.#stats.waiting++
    this.#asking.enter()
    try {
      if (!place.first) await patience.until([(listener) => place.onFirst(listener)])
      if (!place.first) throw this.#failed(resource, patience, signal, {})
      const outcome = this.#granted(
        ask,
        patience,
        signal,
        await contend(this.#backend, this.#clock, ask, patience),
      )
      this.#countWait(outcome, this.#clock.now() - patience.began)
      return this.#hold(ask, outcome, maxHold)
    } finally {
      this.#stats.waiting--
      place.leave()
      this.#asking.leave()
    }
  }

  /** Leaves nothing behind in Redis: neither a place in the queue, nor a lock that nobody wants any more. */
  #granted(
    ask: Ask,
    patience: Patience,
    signal: AbortSignal | undefined,
    outcome: Granted<Grant> | NotGranted | Failed,
  ): Granted<Grant> {
    const { over } = patience
    if (outcome.kind === 'granted' && over !== 'aborted' && over !== 'closed') return outcome
    if (outcome.kind !== 'over' || outcome.asked) void this.#returns.give(ask, outcome.doubtful)
    if (outcome.kind !== 'failed')
      throw this.#failed(ask.resource, patience, signal, outcome.kind === 'over' ? outcome : {})
    this.#stats.failed++
    throw outcome.error
  }

  #hold(
    ask: Ask,
    { grant, sent, lease: granted, handed, doubtful }: Omit<Granted<Grant>, 'kind' | 'waited'>,
    maxHold: number,
  ): { lock: L; lease: Lease } {
    const { logger, make } = this.#options
    const lease = new Lease({
      clock: this.#clock,
      backend: this.#backend,
      returns: this.#returns,
      ask,
      sent,
      lease: granted,
      handed,
      doubtful,
      maxHold,
      onEnd: (lost) => {
        this.#leases.delete(lease)
        this.#stats[lost ? 'lost' : 'released']++
        if (lost) logger.warn({ resource: ask.resource, reason: lost }, 'lock lost')
      },
    })
    this.#leases.add(lease)
    this.#stats.acquired++
    return { lock: make(lease, grant), lease }
  }

  #failed(
    resource: string,
    patience: Patience,
    signal: AbortSignal | undefined,
    reason: Partial<Pick<NotGranted, 'holderRest' | 'cause'>>,
  ): unknown {
    const { over } = patience
    if (over === 'closed') return new LocksClosedError()
    if (over === 'aborted') {
      this.#stats.aborted++
      return signal?.reason
    }
    this.#stats.timeouts++
    return new LockTimeoutError(resource, this.#clock.now() - patience.began, reason)
  }

  #countWait({ waited, handed }: Granted<Grant>, ms: number): void {
    const stats = this.#stats
    if (waited) stats.waited++
    if (handed) stats.handOffs++
    stats.waitMs += ms
    stats.longestWaitMs = Math.max(stats.longestWaitMs, ms)
  }

  async #counted<T>(asking: Promise<T>): Promise<T> {
    try {
      return await asking
    } catch (error) {
      this.#stats.failed++
      throw error
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closed.signal.aborted) throw new LocksClosedError()
  }
}
