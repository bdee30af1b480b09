import { batched, type Clock } from '@lockstep/redis'
import { reasonOf } from '../errors.ts'
import type { ChangeReply, Logger, Note, Store } from '../ports.ts'
import type { ProcessCounts } from '../stats.ts'
import type { Shard } from '../tiers/shard.ts'
import { invalidationOf } from './items.ts'
import type { Item, Pending } from './pending.ts'

/** Past so many items waiting, what they are part of waits instead: the queue is bounded, and no eviction is lost. */
const MAX_PENDING = 10_000
/** One script call handles so many items, so that Redis is never held for long. */
const BATCH = 500
/** The pause between two tries to reach a Redis that was away: from, up to, in ms. */
const RETRY_FROM = 100
const RETRY_UP_TO = 2000

interface Writing {
  readonly items: readonly Item[]
  readonly resolve: (reply: ChangeReply | undefined) => void
}

export interface WriterOptions {
  readonly shard: Shard
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly counts: ProcessCounts
  readonly pending: Pending
  readonly note: Note
  /** Evicts from L1, and voids the reads under way. */
  readonly evict: (items: readonly Item[]) => void
}

/**
 * Sends the invalidations of one shard, and does not give up on them. What is on its way stays pending, so that this
 * process reads past it, until Redis has executed it and the change has been applied here.
 */
export class Writer {
  readonly #options: WriterOptions
  readonly #send: (writing: Writing) => void
  readonly #waiting = new Set<Item>()
  #retrying: Promise<void> | undefined
  #cancelRetry: (() => void) | undefined
  #pause = RETRY_FROM
  #ended = false

  constructor(options: WriterOptions) {
    this.#options = options
    this.#send = batched<Writing>(
      (action) => options.clock.soon(action),
      (batch) => void this.#sendAll(batch),
    )
  }

  /** How many items wait for a Redis that is away. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** The reply, or undefined when Redis is away: then it is retried until it is done or the process ends. */
  invalidate(items: readonly Item[]): Promise<ChangeReply | undefined> {
    if (items.length === 0) return Promise.resolve(undefined)
    this.#options.counts.invalidations++
    this.fence(items)
    return new Promise((resolve) => this.#send({ items, resolve }))
  }

  /** From now on, this process reads past the caches what is named here. */
  fence(items: readonly Item[]): void {
    this.#options.pending.add(items)
    this.#options.evict(items)
  }

  /** Redis knows of it. Nothing read before now is to be kept: it may be from before. */
  unfence(items: readonly Item[]): void {
    this.#options.evict(items)
    this.#options.pending.remove(items)
  }

  /** Evicts what a foreign program declared stale: only the first replica to come finds it in Redis, and tells the rest. */
  async evictPresent(name: string): Promise<void> {
    const { store, shard, note } = this.#options
    const items: Item[] = [`k:${name}`]
    this.fence(items)
    const sent = shard.view.sent()
    try {
      const reply = await store.evictPresent(shard.index, [name], note)
      if (reply) shard.view.written(reply, sent)
      this.unfence(items)
    } catch (error) {
      this.postpone(items, error)
    }
  }

  /** A later write of these entries was executed: what waited for them has happened with it. */
  settled(items: readonly Item[]): void {
    for (const item of items) if (this.#waiting.delete(item)) this.#options.pending.remove([item])
  }

  /** Leaves fenced items to the retries. */
  postpone(items: readonly Item[], error: unknown): void {
    const { logger } = this.#options
    if (this.#waiting.size === 0 && this.#retrying === undefined) {
      const reason = reasonOf(error)
      logger.warn({ reason }, 'invalidation waits for redis; it will be retried')
    }
    this.#remember(items)
    this.#schedule()
  }

  /** Tries again, now, what Redis has not executed yet; resolves when it was tried. */
  retry(): Promise<void> {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    this.#retrying ??= this.#retryAll().finally(() => {
      this.#retrying = undefined
      if (this.#waiting.size > 0) this.#schedule()
    })
    return this.#retrying
  }

  end(): void {
    this.#ended = true
    this.#cancelRetry?.()
  }

  /** What was asked in one turn, in calls of bounded size. */
  async #sendAll(batch: readonly Writing[]): Promise<void> {
    let from = 0
    while (from < batch.length) {
      const part: Writing[] = []
      let size = 0
      while (from < batch.length && (part.length === 0 || size + (batch[from]?.items.length ?? 0) <= BATCH)) {
        const writing = batch[from++]
        if (writing) part.push(writing)
        size += writing?.items.length ?? 0
      }
      const items = part.flatMap((writing) => writing.items)
      await this.#sendOne(part, items)
    }
  }

  async #sendOne(part: readonly Writing[], items: readonly Item[]): Promise<void> {
    try {
      const reply = await this.#execute(items)
      this.settled(items)
      this.unfence(items)
      for (const { resolve } of part) resolve(reply)
    } catch (error) {
      this.postpone(items, error)
      for (const { resolve } of part) resolve(undefined)
    }
  }

  /** One call for up to so many items; a single invalidation of more goes in several, all of which must succeed. */
  async #execute(items: readonly Item[]): Promise<ChangeReply> {
    const { store, shard, note } = this.#options
    const unique = [...new Set(items)]
    let removed = 0
    for (let from = 0; ; from += BATCH) {
      const sent = shard.view.sent()
      const reply = await store.invalidate(
        shard.index,
        invalidationOf(unique.slice(from, from + BATCH)),
        note,
      )
      shard.view.written(reply, sent)
      removed += reply.removed
      if (from + BATCH >= unique.length) return { ...reply, removed }
    }
  }

  async #retryAll(): Promise<void> {
    if (this.#waiting.size === 0) return
    while (this.#waiting.size > 0 && !this.#ended) {
      const items = [...this.#waiting.values().take(BATCH)]
      for (const item of items) this.#waiting.delete(item)
      try {
        await this.#execute(items)
        this.unfence(items)
        this.#pause = RETRY_FROM
      } catch {
        this.#remember(items)
        this.#pause = Math.min(this.#pause * 2, RETRY_UP_TO)
        return
      }
    }
    this.#options.logger.info({}, 'invalidations that waited are done')
  }

  /** Keeps one fence for each item that waits, however often it was invalidated meanwhile. */
  #remember(items: readonly Item[]): void {
    const { pending } = this.#options
    for (const item of items) {
      const whole = this.#waiting.size >= MAX_PENDING ? wholeOf(item) : item
      if (whole !== item) {
        if (!this.#waiting.has(whole)) {
          this.#waiting.add(whole)
          this.fence([whole])
        }
        pending.remove([item])
      } else if (this.#waiting.has(item)) pending.remove([item])
      else this.#waiting.add(item)
    }
  }

  #schedule(): void {
    if (this.#ended) return
    this.#cancelRetry ??= this.#options.clock.after(this.#pause, () => {
      this.#cancelRetry = undefined
      void this.retry()
    })
  }
}

/** What an item is part of: its cache, or everything. */
function wholeOf(item: Item): Item {
  const cache = /^k:([^:]+:v\d+):/.exec(item)?.[1]
  if (cache !== undefined) return `c:${cache}`
  return item.startsWith('c:') ? item : 'p:'
}
