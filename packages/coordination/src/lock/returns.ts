import type { Clock } from '@lockstep/redis'
import type { Ask, Backend } from './backend.ts'
import type { Released } from './lock.ts'
import { Presence } from './presence.ts'

/** How often what could not be given back is tried again while Redis answers others, in ms. */
const RETRY_MS = 250
/** An ask that is still under way may arrive this much later, in ms, and must find its token void. */
const LINGER_MS = 60_000
/** How many may wait to be given back. What comes on top ends with its lease. */
const MOST = 10_000

interface Owed {
  readonly ask: Ask
  /** When its lease has ended by itself, and nothing of it is under way any more. */
  readonly until: number
}

/**
 * What has to be given back. If Redis does not answer, it is owed: asked for again until Redis has answered or the lease
 * must have ended. Nobody waits for that, but for `close`.
 */
export class Returns {
  readonly #backend: Backend<unknown>
  readonly #clock: Clock
  readonly #owed = new Set<Owed>()
  readonly #giving = new Presence()
  readonly #forget: () => void
  #retrying = false
  #cancel: (() => void) | undefined

  constructor(backend: Backend<unknown>, clock: Clock) {
    this.#backend = backend
    this.#clock = clock
    this.#forget = backend.onAvailable(() => void this.#retry())
  }

  get owed(): number {
    return this.#owed.size
  }

  /**
   * @param doubtful an ask of the token may still be under way, so it must be void from now on
   * @returns never rejects
   */
  give(ask: Ask, doubtful: boolean): Promise<Released> {
    const sent = this.#clock.now()
    this.#giving.enter()
    return this.#backend.giveBack(ask, doubtful).then(
      (held) => {
        this.#giving.leave()
        return held ? 'released' : 'gone'
      },
      () => {
        if (this.#owed.size < MOST) this.#owed.add({ ask, until: sent + Math.max(ask.lease, LINGER_MS) })
        this.#retryLater()
        this.#giving.leave()
        return 'unknown'
      },
    )
  }

  /** Tries once more, and gives up the rest. */
  async close(): Promise<void> {
    this.#forget()
    await this.#giving.empty()
    await this.#tryAll()
    this.#cancel?.()
    this.#owed.clear()
  }

  #retryLater(): void {
    this.#cancel ??= this.#clock.after(RETRY_MS, () => {
      this.#cancel = undefined
      void this.#retry()
    })
  }

  async #retry(): Promise<void> {
    if (this.#retrying) return
    this.#retrying = true
    await this.#tryAll()
    this.#retrying = false
    if (this.#owed.size > 0) this.#retryLater()
  }

  /** All at once: none of them waits for another, whose server may be away or refuse it. */
  async #tryAll(): Promise<void> {
    await Promise.all([...this.#owed].map((owed) => this.#try(owed)))
  }

  /** The answer was lost, and the command may be under way as well: the token becomes void. */
  async #try(owed: Owed): Promise<void> {
    try {
      if (this.#clock.now() < owed.until) await this.#backend.giveBack(owed.ask, true)
      this.#owed.delete(owed)
    } catch {
      // It is still owed.
    }
  }
}
