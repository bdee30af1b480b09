import { batched, type Clock } from '@lockstep/redis'
import { type EntryHeader, identityOf, readHeader } from '../codec/entry.ts'
import type { Fill, LeaseAnswer, LeaseAsk, Store } from '../ports.ts'
import type { Guards } from '../protocol/guards.ts'
import { MAX_INTENT, type ShardView } from '../protocol/shard-view.ts'
import type { Shard } from './shard.ts'

/** How often a read whose history changed meanwhile is sent again before L2 counts as away. */
const MAX_READS = 3
/** How many entries are read in one command. */
const MAX_NAMES = 1000

export interface FoundEntry {
  readonly kind: 'entry'
  readonly bytes: Buffer
  readonly header: EntryHeader
}

/** An entry of L2, judged. */
export type Found =
  | FoundEntry
  /** Something is there that must not be used: of another incarnation, or invalidated by a marker. */
  | { readonly kind: 'rejected'; readonly identity: string }
  | { readonly kind: 'nothing' }
  /** L2 does not answer, or cannot be trusted now. */
  | { readonly kind: 'away' }

/** The right to fill an entry, and what it will be stamped with. */
export interface Grant {
  readonly token: string
  readonly incarnation: number
  readonly seq: number
  /** The server's time of the grant. */
  readonly time: number
  /** When the entry must be gone by, should the incarnation have lost a write intent. */
  readonly youthEnd: number
}

export type Leased =
  | { readonly kind: 'granted'; readonly grant: Grant }
  | Exclude<Found, { kind: 'nothing' }>
  | { readonly kind: 'wait' }
  | { readonly kind: 'uncacheable' }

/** Who wants to know of one entry. */
export interface Look {
  readonly cache: string
  readonly name: string
  /** Is called in the turn in which the entry was judged, with the time of that turn. It must not throw. */
  tell(found: Found, now: number): void
}
interface LookAtMany {
  readonly cache: string
  readonly names: readonly string[]
  tell(found: readonly Found[]): void
}
interface Asking {
  readonly cache: string
  readonly ask: LeaseAsk
  readonly resolve: (leased: Leased) => void
}
interface Filling {
  readonly fill: Fill
  readonly resolve: (stored: boolean) => void
}

const NOTHING: Found = { kind: 'nothing' }
const AWAY = { kind: 'away' } as const

/**
 * L2 as one process sees it: what many readers ask in one turn of the event loop goes out as one command a shard, and
 * every answer is judged against the history before anybody gets to see it. It never rejects: L2 may be away.
 */
export class L2 {
  readonly shards: readonly Shard[]
  readonly #store: Store
  readonly #leaseMs: number
  readonly #guards: Guards
  readonly #failed: (error: unknown) => void
  readonly #clock: Clock
  readonly #renewed = new Set<{ name: string; token: string }>()
  #renewTimer = false
  readonly #look: ((look: Look | LookAtMany) => void)[]
  readonly #ask: ((asking: Asking) => void)[]
  readonly #fill: ((filling: Filling) => void)[]
  readonly #touch: ((touch: { name: string; lifetime: number }) => void)[]

  /** @param options.leaseMs how long a fill lease outlives a loader that died */
  constructor(options: {
    store: Store
    shards: readonly Shard[]
    clock: Clock
    leaseMs: number
    guards: Guards
    failed: (error: unknown) => void
  }) {
    const { shards, clock } = options
    this.#clock = clock
    const soon = (action: () => void) => clock.soon(action)
    this.shards = shards
    this.#store = options.store
    this.#leaseMs = options.leaseMs
    this.#guards = options.guards
    this.#failed = options.failed
    this.#look = shards.map((shard) => batched(soon, (batch) => void this.#readAll(shard, batch)))
    this.#ask = shards.map((shard) => batched(soon, (batch) => void this.#askAll(shard, batch)))
    this.#fill = shards.map((shard) => batched(soon, (batch) => void this.#fillAll(shard, batch)))
    this.#touch = shards.map((shard) => batched(soon, (batch) => void this.#touchAll(shard, batch)))
  }

  shardOf(name: string): Shard {
    const shard = this.shards[this.shards.length === 1 ? 0 : this.#store.shardOf(name)]
    if (shard === undefined) throw new RangeError(`There is no shard for ${name}`)
    return shard
  }

  viewOf(name: string): ShardView {
    return this.shardOf(name).view
  }

  look(look: Look): void {
    this.#look[this.shardOf(look.name).index]?.(look)
  }

  read(cache: string, name: string): Promise<Found> {
    return new Promise((resolve) => this.look({ cache, name, tell: resolve }))
  }

  /** In the order of the names. */
  async readMany(cache: string, names: readonly string[]): Promise<readonly Found[]> {
    if (this.shards.length === 1) return this.#readIn(0, cache, names)
    const byShard = Map.groupBy(names, (name) => this.shardOf(name).index)
    const found = new Map<string, Found>()
    await Promise.all(
      [...byShard].map(async ([shard, group]) => {
        const results = await this.#readIn(shard, cache, group)
        for (const [at, name] of group.entries()) found.set(name, results[at] ?? AWAY)
      }),
    )
    return names.map((name) => found.get(name) ?? AWAY)
  }

  /** Asks for the right to load. The entry `rejected` counts as absent. */
  ask(cache: string, ask: LeaseAsk): Promise<Leased> {
    return new Promise((resolve) => {
      this.#ask[this.shardOf(ask.name).index]?.({ cache, ask, resolve })
    })
  }

  /** Stores the entry of a load, or gives its lease back; tells whether it is stored. */
  put(fill: Fill): Promise<boolean> {
    return new Promise((resolve) => {
      this.#fill[this.shardOf(fill.name).index]?.({ fill, resolve })
    })
  }

  /** Keeps a lease for as long as its load goes on: one timer for all of them. */
  renewing(name: string, token: string): { end(): void } {
    const lease = { name, token }
    this.#renewed.add(lease)
    this.#renewLater()
    return { end: () => void this.#renewed.delete(lease) }
  }

  #renewLater(): void {
    if (this.#renewTimer || this.#renewed.size === 0) return
    this.#renewTimer = true
    this.#clock.after(this.#leaseMs / 3, () => {
      this.#renewTimer = false
      for (const { name, token } of this.#renewed) {
        this.#store.renew(this.shardOf(name).index, name, token, this.#leaseMs).catch(this.#failed)
      }
      this.#renewLater()
    })
  }

  /** Extends the life of an entry that exists. */
  touch(name: string, lifetime: number): void {
    this.#touch[this.shardOf(name).index]?.({ name, lifetime })
  }

  #readIn(shard: number, cache: string, names: readonly string[]): Promise<readonly Found[]> {
    return new Promise((resolve) => {
      this.#look[shard]?.({ cache, names, tell: resolve })
    })
  }

  async #readAll(shard: Shard, batch: readonly (Look | LookAtMany)[]): Promise<void> {
    const names: string[] = []
    for (const look of batch) {
      if ('name' in look) names.push(look.name)
      else for (const name of look.names) names.push(name)
    }
    this.#tellAll(shard.view, batch, await this.#inPieces(shard, names))
  }

  #tellAll(
    view: ShardView,
    batch: readonly (Look | LookAtMany)[],
    entries: readonly (Buffer | undefined)[] | undefined,
  ): void {
    const now = this.#clock.now()
    let at = 0
    for (const look of batch) {
      if ('name' in look) {
        look.tell(entries ? this.#judged(view, look.cache, look.name, entries[at]) : AWAY, now)
        at++
      } else {
        const found: Found[] = []
        for (const name of look.names) {
          found.push(entries ? this.#judged(view, look.cache, name, entries[at]) : AWAY)
          at++
        }
        look.tell(found)
      }
    }
  }

  /** One command for so many names, each with a deadline of its own. */
  async #inPieces(
    shard: Shard,
    names: readonly string[],
  ): Promise<readonly (Buffer | undefined)[] | undefined> {
    if (names.length <= MAX_NAMES) return this.#entries(shard, names)
    const all: (Buffer | undefined)[] = []
    for (let from = 0; from < names.length; from += MAX_NAMES) {
      const piece = await this.#entries(shard, names.slice(from, from + MAX_NAMES))
      if (piece === undefined) return undefined
      for (const entry of piece) all.push(entry)
    }
    return all
  }

  /** What lies in Redis, of a history that is ours; undefined when there is no such thing now. */
  async #entries(
    shard: Shard,
    names: readonly string[],
  ): Promise<readonly (Buffer | undefined)[] | undefined> {
    try {
      for (let attempt = 0; attempt < MAX_READS; attempt++) {
        if (!shard.view.leased && !(await shard.ensure())) return undefined
        const sent = shard.view.sent()
        const { head, entries } = await this.#store.read(shard.index, names)
        if ((await shard.judge(head, sent)) === 'current') return entries
      }
    } catch (error) {
      this.#failed(error)
    }
    return undefined
  }

  #judged(view: ShardView, cache: string, name: string, bytes: Buffer | undefined): Found {
    if (bytes === undefined) return NOTHING
    const header = readHeader(bytes)
    // What is not ours has no identity; whoever loads replaces it.
    if (header === undefined) return { kind: 'rejected', identity: identityOf(bytes) }
    const { incarnation, seq } = header
    const fresh =
      view.surelyFresh(incarnation, seq) || view.fresh({ name, cache, tags: header.tags }, incarnation, seq)
    return fresh ? { kind: 'entry', bytes, header } : { kind: 'rejected', identity: header.identity }
  }

  async #askAll(shard: Shard, batch: readonly Asking[]): Promise<void> {
    const sent = shard.view.sent()
    try {
      const asks = batch.map(({ ask }) => ask)
      const { head, time, answers } = await this.#store.lease(shard.index, asks, this.#leaseMs)
      // A grant is of the history that made it; a gap behind it is closed meanwhile.
      const known = shard.view.judge(head, sent) !== 'unknown'
      const youthEnd = this.#guards.youth ? head.born + MAX_INTENT : Number.NEGATIVE_INFINITY
      for (const [at, { cache, ask, resolve }] of batch.entries()) {
        const { incarnation, seq } = head
        const grant: Grant = { token: ask.token, incarnation, seq, time, youthEnd }
        resolve(known ? this.#answer(shard.view, cache, ask.name, answers[at], grant) : AWAY)
      }
    } catch (error) {
      this.#failed(error)
      for (const { resolve } of batch) resolve(AWAY)
    }
  }

  #answer(
    view: ShardView,
    cache: string,
    name: string,
    answer: LeaseAnswer | undefined,
    grant: Grant,
  ): Leased {
    if (answer === undefined) return AWAY
    if (answer.kind === 'granted') return { kind: 'granted', grant }
    if (answer.kind !== 'entry') return answer
    const found = this.#judged(view, cache, name, answer.bytes)
    return found.kind === 'nothing' ? AWAY : found
  }

  async #fillAll(shard: Shard, batch: readonly Filling[]): Promise<void> {
    try {
      const stored = await this.#store.fill(
        shard.index,
        batch.map(({ fill }) => fill),
      )
      for (const [at, { resolve }] of batch.entries()) resolve(stored[at] === true)
    } catch (error) {
      this.#failed(error)
      for (const { resolve } of batch) resolve(false)
    }
  }

  async #touchAll(shard: Shard, batch: readonly { name: string; lifetime: number }[]): Promise<void> {
    await this.#store.touch(shard.index, batch).catch(this.#failed)
  }
}
