import type { Store } from '../ports.ts'
import type { Shard } from '../tiers/shard.ts'
import { partsOfToken, tokenOf, type WriteToken } from './items.ts'
import {
  type MutateContext,
  type Mutated,
  type MutateOptions,
  type MutationAround,
  mutate,
  type Through,
} from './mutation.ts'
import type { Item } from './pending.ts'
import type { Writer } from './writer.ts'

/**
 * What became of an invalidation. `pending`: Redis is away; it is retried until it is done or the process ends, and until
 * then this process reads past the caches what it names.
 */
export interface Invalidated {
  readonly outcome: 'applied' | 'pending'
  /**
   * How many entries lay in Redis under the names given, and are gone; invalidations of one turn of the event loop share a
   * call, and its count. What groups (tags, prefixes, caches) cover is not counted: it is not looked for.
   */
  readonly removed: number
  /** Hand it to another process, and it reads nothing older: `books.get(42, { after: token })`. */
  readonly token: WriteToken
}

export interface Written extends Invalidated {
  /** `invalidated`: nothing older was there to write over, or a write was under way. `refused`: a newer version was there. */
  readonly result: 'stored' | 'invalidated' | 'refused'
}

/** All writes of a process, over all shards. */
export class Writes {
  readonly #around: MutationAround
  readonly #writers: readonly Writer[]
  readonly #shards: readonly Shard[]
  readonly #store: Store

  constructor(around: MutationAround) {
    this.#around = around
    this.#writers = around.writers
    this.#shards = around.shards
    this.#store = around.store
  }

  async invalidate(items: readonly Item[]): Promise<Invalidated> {
    const parts = await Promise.all(
      this.#writers.map(async (writer, shard) => {
        const own = this.#writers.length === 1 ? items : items.filter((item) => this.#concerns(item, shard))
        return { shard, own: own.length > 0, reply: await writer.invalidate(own) }
      }),
    )
    const replies = parts.flatMap(({ shard, reply }) => (reply ? [{ shard, ...reply }] : []))
    const applied = parts.every(({ own, reply }) => !own || reply)
    return {
      outcome: applied ? 'applied' : 'pending',
      removed: replies.reduce((sum, { removed }) => sum + removed, 0),
      token: applied ? tokenOf(replies) : '',
    }
  }

  /** @param version undefined: store whatever is there */
  async set(through: Through, version: number | undefined): Promise<Written> {
    const { name } = through
    const shard = this.#store.shardOf(name)
    const writer = this.#writers[shard]
    const at = this.#shards[shard]
    if (!writer || !at) throw new RangeError(`There is no shard for ${name}`)
    const items: Item[] = [`k:${name}`]
    const { view } = at
    // Before the first probe has been answered, nobody here knows the server's time.
    if (!view.joined) await at.ensure()
    if (!view.joined) return { ...(await this.invalidate(items)), result: 'invalidated' }
    const now = view.serverTime()
    const { incarnation, applied, youthEnd } = view
    const grant = {
      token: this.#around.token(),
      incarnation: Math.max(0, incarnation),
      seq: Math.max(0, applied),
      time: now,
    }
    const end = version === undefined || !this.#around.guards.youth ? Number.NEGATIVE_INFINITY : youthEnd
    const encoded = through.encode({ ...grant, youthEnd: end }, now)
    if (encoded === undefined) return { ...(await this.invalidate(items)), result: 'invalidated' }
    const { bytes, lifetime } = encoded
    writer.fence(items)
    const sent = view.sent()
    try {
      const note = { origin: this.#around.origin }
      const reply = await this.#store.set(shard, { name, bytes, lifetime }, version, note)
      if (reply.result !== 'refused') {
        view.written(reply, sent)
        writer.settled(items)
      }
      writer.unfence(items)
      return {
        outcome: 'applied',
        removed: reply.removed,
        token: tokenOf([{ shard, ...reply }]),
        result: reply.result,
      }
    } catch (error) {
      writer.postpone(items, error)
      return { outcome: 'pending', removed: 0, token: '', result: 'invalidated' }
    }
  }

  mutate<R>(
    names: readonly string[],
    work: (context: MutateContext) => Promise<R>,
    through: readonly Through[],
    options: MutateOptions,
  ): Promise<Mutated<R>> {
    return mutate(this.#around, names, work, through, options)
  }

  /** Catches up with a write of another process. `away`: nobody can say whether it has been caught up with. */
  async reach(token: WriteToken): Promise<'reached' | 'away' | 'invalid'> {
    if (token === '') return 'away'
    const parts = partsOfToken(token)
    if (parts === undefined) return 'invalid'
    const reached = await Promise.all(
      parts.map(async ({ shard, ...point }) => {
        const at = this.#shards[shard]
        if (at === undefined) return false
        if (at.view.has(point)) return true
        const began = this.#around.clock.now()
        await at.settled()
        await at.look()
        // Another incarnation that is there now, and began after that of the write, began with nothing.
        const later = at.view.incarnation !== point.incarnation && at.view.born > point.born
        return at.view.leased && (at.view.has(point) || (later && at.view.lastKnown >= began))
      }),
    )
    return reached.every(Boolean) ? 'reached' : 'away'
  }

  #concerns(item: Item, shard: number): boolean {
    return !item.startsWith('k:') || this.#store.shardOf(item.slice(2)) === shard
  }
}
