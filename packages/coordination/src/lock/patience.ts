import type { Clock } from '@lockstep/redis'

/** Why a caller waits no longer: its time is up, it was told to stop, or there is nothing left to wait for. */
export type Over = 'late' | 'aborted' | 'closed'

/** Registers a listener; returns how to remove it. */
export type Subscribe = (listener: () => void) => () => void

/** How long a caller waits: until its deadline, until its signal aborts, or until all is closed. */
export class Patience {
  readonly began: number
  readonly #clock: Clock
  readonly #deadline: number
  readonly #signal: AbortSignal | undefined
  readonly #closed: AbortSignal

  /** @param wait milliseconds */
  constructor(clock: Clock, wait: number, signal: AbortSignal | undefined, closed: AbortSignal) {
    this.#clock = clock
    this.began = clock.now()
    this.#deadline = this.began + wait
    this.#signal = signal
    this.#closed = closed
  }

  /** Why it is over; undefined while it is not. */
  get over(): Over | undefined {
    if (this.#signal?.aborted) return 'aborted'
    if (this.#closed.aborted) return 'closed'
    return this.#clock.now() >= this.#deadline ? 'late' : undefined
  }

  /** Waits until one of them happens, for `ms` at most, and no longer than it lasts. */
  async until(happenings: readonly Subscribe[], ms = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.over) return
    const rest = Math.min(ms, this.#deadline - this.#clock.now())
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = () => resolve()
    const forget = [
      this.#clock.after(Math.max(0, rest), wake, true),
      ...happenings.map((subscribe) => subscribe(wake)),
      ...[this.#signal, this.#closed].map((signal) => onAbort(signal, wake)),
    ]
    await promise
    for (const stop of forget) stop()
  }
}

function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  signal?.addEventListener('abort', listener)
  return () => signal?.removeEventListener('abort', listener)
}
