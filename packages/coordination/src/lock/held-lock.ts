import { LockLostError, LockNotHeldError, type LossReason } from './errors.ts'
import type { FencedLock, Lock, Released } from './lock.ts'

/** What a lock is made of: its lease, as this process sees it. */
export interface LeaseView {
  readonly resource: string
  /** Milliseconds; less than 0 when it is over. */
  readonly rest: number
  readonly lost: LossReason | undefined
  readonly released: boolean
  onLost(listener: (reason: LossReason) => void): void
  release(): Promise<Released>
}

export class HeldLock implements Lock {
  readonly #lease: LeaseView
  #aborter: AbortController | undefined

  constructor(lease: LeaseView) {
    this.#lease = lease
  }

  get resource(): string {
    return this.#lease.resource
  }

  get rest(): number {
    const { lost, released, rest } = this.#lease
    return lost || released ? 0 : Math.max(0, rest)
  }

  get held(): boolean {
    return this.rest > 0
  }

  get signal(): AbortSignal {
    if (!this.#aborter) {
      const aborter = new AbortController()
      this.#aborter = aborter
      this.#lease.onLost((reason) => aborter.abort(new LockLostError(this.resource, reason)))
    }
    return this.#aborter.signal
  }

  assertHeld(): void {
    const { lost, released, rest } = this.#lease
    if (lost) throw new LockLostError(this.resource, lost)
    if (released) throw new LockNotHeldError(this.resource)
    if (rest <= 0) throw new LockLostError(this.resource, 'expired')
  }

  release(): Promise<Released> {
    return this.#lease.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }
}

export class HeldFencedLock extends HeldLock implements FencedLock {
  readonly fence: number

  constructor(lease: LeaseView, fence: number) {
    super(lease)
    this.fence = fence
  }
}
