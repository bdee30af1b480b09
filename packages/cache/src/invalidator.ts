import type { Clock, Invalidation, Logger, Store } from './ports.ts'
import { cacheOf } from './replica.ts'
import type { CacheStats } from './stats.ts'

/** Past so many names waiting, their caches are cleared instead: the queue is bounded, and no eviction is lost. */
const MAX_PENDING = 10_000
/** One script call handles so many names, so that Redis is never held for long. */
const BATCH = 500
const RETRY_MS = 250

/** What became of an invalidation. `pending`: Redis is away; it is retried until it is done or the process ends. */
export type Outcome = 'applied' | 'pending'

/** Keeps this process from reading what it has itself declared stale, while Redis does not know of it yet. */
interface Fences {
  fence(what: Invalidation): void
  unfence(what: Invalidation): void
}

export interface InvalidatorOptions {
  readonly store: Store
  readonly fences: Fences
  readonly clock: Clock
  readonly logger: Logger
  readonly stats: CacheStats
  /** The message that tells the fleet. */
  readonly message: (what: Invalidation) => string
}

/** Sends invalidations and does not give up on them. What is on its way stays fenced until Redis has executed it. */
export class Invalidator {
  readonly #options: InvalidatorOptions
  readonly #names = new Set<string>()
  readonly #caches = new Set<string>()
  #retrying: Promise<void> | undefined
  readonly #forget: () => void
  #cancelRetry: (() => void) | undefined

  constructor(options: InvalidatorOptions) {
    this.#options = options
    this.#forget = options.store.onAvailable(() => void this.retry())
  }

  /** @param announce whether the fleet is told; not when it knows already, from a plain key on the channel */
  async invalidate(what: Invalidation, announce = true): Promise<Outcome> {
    let outcome: Outcome = 'applied'
    // One after another: all at once would keep Redis busy for longer than anybody waits for it.
    for (const batch of batches(what)) {
      if ((await this.#attempt(batch, announce)) === 'pending') outcome = 'pending'
    }
    return outcome
  }

  /** Tries again, now, what Redis has not executed yet; resolves when it was tried. */
  retry(): Promise<void> {
    this.#retrying ??= this.#retryAll().finally(() => {
      this.#retrying = undefined
    })
    return this.#retrying
  }

  end(): void {
    this.#forget()
    this.#cancelRetry?.()
  }

  async #retryAll(): Promise<void> {
    const { fences, logger, stats } = this.#options
    if (stats.pending === 0) return
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    for (let batch = this.#take(); batch; batch = this.#take()) {
      try {
        await this.#send(batch, true)
        fences.unfence(batch)
      } catch {
        this.#remember(batch)
        this.#schedule()
        break
      }
    }
    this.#count()
    if (stats.pending === 0) logger.info({}, 'invalidations that waited are done')
  }

  async #attempt(batch: Invalidation, announce: boolean): Promise<Outcome> {
    const { fences, logger, stats } = this.#options
    stats.invalidations++
    fences.fence(batch)
    try {
      await this.#send(batch, announce)
      fences.unfence(batch)
      return 'applied'
    } catch (error) {
      if (stats.pending === 0) {
        logger.warn({ reason: reasonOf(error) }, 'invalidation waits for redis; it will be retried')
      }
      this.#remember(batch)
      this.#schedule()
      return 'pending'
    }
  }

  #send(batch: Invalidation, announce: boolean): Promise<void> {
    return this.#options.store.invalidate(batch, announce ? this.#options.message(batch) : undefined)
  }

  /** Keeps one fence for each name that waits, however often it was invalidated meanwhile. */
  #remember(batch: Invalidation): void {
    const { fences } = this.#options
    for (const name of batch.names) {
      const cache = cacheOf(name)
      const full = this.#names.size >= MAX_PENDING && cache !== undefined
      if (full) this.#rememberCache(cache)
      if (full || this.#names.has(name)) fences.unfence({ names: [name], caches: [] })
      else this.#names.add(name)
    }
    for (const cache of batch.caches) {
      if (this.#caches.has(cache)) fences.unfence({ names: [], caches: [cache] })
      else this.#caches.add(cache)
    }
    this.#count()
  }

  #rememberCache(cache: string): void {
    if (this.#caches.has(cache)) return
    this.#caches.add(cache)
    this.#options.fences.fence({ names: [], caches: [cache] })
  }

  /**
   * The next batch that waits, out of the sets, its fences still up. Whatever is invalidated while it is on its way waits
   * on its own: the reply to this call would say nothing about it.
   */
  #take(): Invalidation | undefined {
    if (this.#names.size === 0 && this.#caches.size === 0) return undefined
    const names = [...this.#names.values().take(BATCH)]
    const caches = [...this.#caches]
    for (const name of names) this.#names.delete(name)
    this.#caches.clear()
    return { names, caches }
  }

  #count(): void {
    this.#options.stats.pending = this.#names.size + this.#caches.size
  }

  #schedule(): void {
    this.#cancelRetry ??= this.#options.clock.after(RETRY_MS, () => {
      this.#cancelRetry = undefined
      void this.retry()
    })
  }
}

/** The same invalidation in calls of bounded size; the caches go with the first. */
function batches({ names, caches }: Invalidation): Invalidation[] {
  if (names.length === 0 && caches.length === 0) return []
  const result: Invalidation[] = [{ names: names.slice(0, BATCH), caches }]
  for (let start = BATCH; start < names.length; start += BATCH) {
    result.push({ names: names.slice(start, start + BATCH), caches: [] })
  }
  return result
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
