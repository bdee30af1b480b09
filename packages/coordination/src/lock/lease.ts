import type { Clock } from '@lockstep/redis'
import type { Ask, Backend } from './backend.ts'
import type { LossReason } from './errors.ts'
import type { LeaseView } from './held-lock.ts'
import type { Released } from './lock.ts'
import type { Returns } from './returns.ts'

/** Two clocks may run apart by this share of the time: NTP corrects no faster than 0.05 % on each machine. */
const DRIFT = 0.001
/** A renewal that failed is tried again after this share of the lease. */
const RETRY_SHARE = 0.1

/** Redis counts whole milliseconds, and may have begun with one that was almost over. */
const ROUNDING = 1

/** When a lease of so many ms that was asked for at `sent` can no longer be relied on. */
export const deadlineOf = (sent: number, lease: number): number => sent + lease * (1 - DRIFT) - ROUNDING

/** The shortest lease in whole ms that can be relied on for `ms`. */
const leaseFor = (ms: number): number => Math.ceil((ms + ROUNDING) / (1 - DRIFT))

export interface LeaseOptions {
  readonly clock: Clock
  readonly backend: Backend<unknown>
  readonly returns: Returns
  readonly ask: Ask
  /** When the ask that was granted was sent. */
  readonly sent: number
  /** Milliseconds that were granted, from then at least. */
  readonly lease: number
  /** It was handed over, and lasts only if it is renewed. */
  readonly handed: boolean
  /** Whether an earlier ask of the token may still be under way. */
  readonly doubtful: boolean
  /** The longest that it is renewed, in ms. */
  readonly maxHold: number
  readonly onEnd: (lost: LossReason | undefined) => void
}

/**
 * A lease that is held. Its deadline is reckoned from before the ask was sent, so it is never later than Redis's own, less
 * what two clocks may drift apart. It is renewed at a third of its length (at once when it was handed over), and again until its deadline if no answer
 * comes. At the deadline it is lost, without asking anybody.
 */
export class Lease implements LeaseView {
  readonly #options: LeaseOptions
  readonly #until: number
  #deadline: number
  #renewAt: number
  #renewing = false
  #cancel: () => void = () => {}
  #lost: LossReason | undefined
  #release: Promise<Released> | undefined
  readonly #listeners: ((reason: LossReason) => void)[] = []

  constructor(options: LeaseOptions) {
    const { clock, sent, lease, handed, maxHold } = options
    const now = clock.now()
    this.#options = options
    this.#until = (handed ? now : sent) + maxHold
    this.#deadline = this.#deadlineOf(sent, lease)
    this.#renewAt = handed ? now : sent + lease / 3
    if (handed) void this.#renew(now)
    this.#wait(now)
  }

  get resource(): string {
    return this.#options.ask.resource
  }

  get rest(): number {
    return this.#deadline - this.#options.clock.now()
  }

  get lost(): LossReason | undefined {
    return this.#lost
  }

  get released(): boolean {
    return this.#release !== undefined
  }

  onLost(listener: (reason: LossReason) => void): void {
    if (this.#lost) listener(this.#lost)
    else this.#listeners.push(listener)
  }

  release(): Promise<Released> {
    this.#release ??= this.#giveBack()
    return this.#release
  }

  /** Ends it early: nobody renews it any more. */
  lose(reason: LossReason): void {
    if (this.#lost || this.#release) return
    this.#cancel()
    this.#lost = reason
    this.#options.onEnd(reason)
    for (const listener of this.#listeners) listener(reason)
  }

  #giveBack(): Promise<Released> {
    const { returns, ask, doubtful, onEnd } = this.#options
    this.#cancel()
    if (!this.#lost) onEnd(undefined)
    return returns.give(ask, doubtful)
  }

  #deadlineOf(sent: number, lease: number): number {
    return Math.min(deadlineOf(sent, lease), this.#until)
  }

  #wait(now: number): void {
    const next = this.#renewing ? this.#deadline : Math.min(this.#renewAt, this.#deadline)
    const { clock } = this.#options
    this.#cancel()
    this.#cancel = clock.after(Math.max(0, next - now), this.#due)
  }

  readonly #due = (): void => {
    if (this.#lost || this.#release) return
    const now = this.#options.clock.now()
    if (now >= this.#deadline) {
      this.lose(this.#deadline >= this.#until ? 'max hold' : 'expired')
      return
    }
    if (now >= this.#renewAt && !this.#renewing) void this.#renew(now)
    this.#wait(now)
  }

  /** The last renewal ends with `maxHold`; none is sent that would bring nothing. */
  async #renew(sent: number): Promise<void> {
    const { backend, ask } = this.#options
    const lease = Math.min(ask.lease, leaseFor(this.#until - sent))
    if (this.#deadlineOf(sent, lease) <= this.#deadline) {
      this.#renewAt = Number.POSITIVE_INFINITY
      return
    }
    this.#renewing = true
    try {
      if (await backend.renew({ ...ask, lease })) {
        this.#deadline = this.#deadlineOf(sent, lease)
        this.#renewAt = sent + lease / 3
      } else {
        this.lose('gone')
      }
    } catch {
      this.#renewAt = this.#options.clock.now() + ask.lease * RETRY_SHARE
    }
    this.#renewing = false
    if (!this.#lost && !this.#release) this.#wait(this.#options.clock.now())
  }
}
