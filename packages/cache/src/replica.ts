import type { Clock } from '@lockstep/redis'
import { keySpace } from '@lockstep/redis'
import { reasonOf } from './errors.ts'
import type { BusListener, Logger, Transport } from './ports.ts'
import type { Guards } from './protocol/guards.ts'
import type { Change } from './protocol/history.ts'
import { decodeMessage } from './protocol/wire.ts'
import { Waiters } from './read/waiters.ts'
import { noProcessCounts } from './stats.ts'
import { L2 } from './tiers/l2.ts'
import type { Evictable } from './tiers/region.ts'
import { Regions } from './tiers/regions.ts'
import { Shard, type ShardEvent } from './tiers/shard.ts'
import { Acknowledgements, encodeAcknowledgement } from './write/acknowledgements.ts'
import { invalidationOf } from './write/items.ts'
import { Pending } from './write/pending.ts'
import { Writer } from './write/writer.ts'
import { Writes } from './write/writes.ts'

/** How long a process that closes waits for what it does in the background. */
const CLOSE_MS = 1000

export interface ReplicaOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly logger: Logger
  readonly guards: Guards
  /** T, in ms. */
  readonly maxStaleness: number
  readonly leaseMs: number
  /** This process, as others know it. */
  readonly id: string
  readonly token: () => string
  readonly report: (event: ShardEvent, shard: number) => void
}

/**
 * One process of the fleet: its regions of L1, its view of each shard, and what it hears, joined together. What is decided,
 * and why, is in the modules that this one connects: `protocol/shard-view.ts` first of all.
 */
export class Replica implements BusListener {
  readonly counts = noProcessCounts()
  readonly #prefix: string
  readonly #roots: readonly string[]
  readonly #shards: readonly Shard[]
  readonly waiters: Waiters
  readonly l2: L2
  readonly writes: Writes
  readonly pending = new Pending()
  readonly #options: ReplicaOptions
  readonly #regions: Regions
  readonly #writers: readonly Writer[]
  readonly #acknowledgements: Acknowledgements
  readonly #background = new Set<Promise<unknown>>()
  readonly #unlisten: () => Promise<void>
  readonly #forget: () => void
  readonly #begun: number
  #wasLive = false
  #reported = ''

  constructor(options: ReplicaOptions) {
    this.#options = options
    const { transport, clock, logger, guards, maxStaleness, id, token } = options
    const { store, bus, prefix } = transport
    const keys = keySpace(prefix, store.shards)
    this.#begun = clock.now()
    this.#prefix = prefix
    this.#roots = Array.from({ length: store.shards }, (_, shard) => keys.root(shard))
    this.waiters = new Waiters(clock)
    this.#regions = new Regions(this.waiters)
    this.#acknowledgements = new Acknowledgements(bus, clock, id)
    this.#shards = Array.from(
      { length: store.shards },
      (_, index) =>
        new Shard({
          index,
          store,
          clock,
          maxStaleness,
          guards,
          replica: id,
          regions: this.#regions,
          acknowledge: (shard, change) => this.#acknowledge(shard, change),
          failed: (error) => this.#failed(error),
          report: (event, shard) => this.#report(event, shard),
        }),
    )
    this.#writers = this.#shards.map(
      (shard) =>
        new Writer({
          shard,
          store,
          clock,
          logger,
          counts: this.counts,
          pending: this.pending,
          note: { origin: id },
          evict: (items) => this.#regions.evict(invalidationOf(items)),
        }),
    )
    this.l2 = new L2({
      store,
      shards: this.#shards,
      clock,
      leaseMs: options.leaseMs,
      guards,
      failed: (error) => this.#failed(error),
    })
    this.writes = new Writes({
      store,
      clock,
      guards,
      maxStaleness,
      origin: id,
      acknowledgements: this.#acknowledgements,
      writers: this.#writers,
      shards: this.#shards,
      token,
    })
    this.#forget = store.onAvailable(() => this.#back())
    this.#unlisten = bus.listen(this)
    for (const shard of this.#shards) shard.start()
  }

  /** Whether L1 may be served, in all shards. */
  get live(): boolean {
    return this.#shards.every(({ view }) => view.leased)
  }

  /** How many items wait for a Redis that is away. */
  get waiting(): number {
    return this.#writers.reduce((sum, { waiting }) => sum + waiting, 0)
  }

  add(region: Evictable): void {
    this.#regions.add(region)
  }

  has(cache: string): boolean {
    return this.#regions.has(cache)
  }

  /** Work that nobody waits for, until the replica is closed. What fails in it was counted where it failed. */
  readonly background = (work: Promise<unknown>): void => {
    const quiet = work.catch(() => {}).finally(() => this.#background.delete(quiet))
    this.#background.add(quiet)
  }

  async close(): Promise<void> {
    const { store } = this.#options.transport
    await this.#unlisten()
    await Promise.all(this.#writers.map((writer) => writer.retry()))
    // Loads that nobody waits for are worth a moment, not their hardTimeout.
    const enough = Promise.withResolvers<void>()
    const cancel = this.#options.clock.after(CLOSE_MS, enough.resolve)
    await Promise.race([Promise.all(this.#background), enough.promise])
    cancel()
    this.#forget()
    for (const writer of this.#writers) writer.end()
    for (const shard of this.#shards) shard.stop()
    await this.#acknowledgements.close()
    await Promise.allSettled(this.#shards.map(({ index }) => store.leave(index, this.#options.id)))
  }

  /** A link that is up may have missed messages: the log knows. */
  up(): void {
    this.#look()
  }

  /** One that was down has missed some. */
  down(): void {
    this.#look()
  }

  /** Hears what was published. */
  message(payload: string): void {
    const received = decodeMessage(this.#prefix, this.#roots, payload)
    if (received.kind === 'foreign') return
    this.counts.messages++
    if (received.kind === 'change') this.#shards[received.shard]?.view.message(received.change)
    else if (received.kind === 'filled') this.waiters.wake(received.names, 'filled')
    else if (received.kind === 'plain') this.#evictPlain(received.name)
    else {
      const { logger } = this.#options
      logger.warn({ version: received.version }, 'message in an unknown format: L1 flushed')
      for (const region of this.#regions.all()) region.evictAll()
      for (const { view } of this.#shards) view.suspect()
    }
  }

  /** The foreign program that published a plain key does not know of our L2: the entry goes there, too. */
  #evictPlain(name: string): void {
    const cache = cacheOf(name)
    const writer = this.#writers[this.#options.transport.store.shardOf(name)]
    if (cache === undefined || !this.#regions.has(cache) || writer === undefined) return
    this.background(writer.evictPresent(name))
  }

  #acknowledge(shard: number, change: Change): void {
    const { transport, id } = this.#options
    if (change.origin === id) return
    this.background(transport.bus.tell(change.origin, encodeAcknowledgement(shard, change, id)))
  }

  #back(): void {
    this.#reported = ''
    this.#look()
    for (const writer of this.#writers) void writer.retry()
  }

  #look(): void {
    for (const shard of this.#shards) shard.probe()
  }

  #failed(error: unknown): void {
    this.counts.l2Errors++
    // A process that has just begun is not yet connected: that is no trouble to speak of.
    const { clock, maxStaleness, logger } = this.#options
    if (clock.now() - this.#begun < maxStaleness && !this.#wasLive) return
    const reason = reasonOf(error)
    if (reason !== this.#reported) logger.warn({ reason }, 'the cache goes on without L2')
    this.#reported = reason
  }

  #report(event: ShardEvent, shard: number): void {
    const { logger } = this.#options
    if (event === 'live') {
      this.#reported = ''
      this.#wasLive = true
    }
    if (event === 'flushed') this.counts.flushes++
    if (event === 'rotated') {
      this.counts.rotations++
      logger.warn({ shard }, 'redis lost history: a new incarnation begins, and all of L2 reads as absent')
    }
    try {
      this.#options.report(event, shard)
    } catch (error) {
      logger.error({ reason: reasonOf(error) }, 'onEvent failed')
    }
  }
}

/** The cache that an entry's name belongs to, `books:v1` of `books:v1:42`; undefined when it is not such a name. */
export function cacheOf(name: string): string | undefined {
  return CACHE.exec(name)?.[0]
}

const CACHE = /^[^:]+:v\d+(?=:)/
