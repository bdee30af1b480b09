import type { Duration } from '@lockstep/settings'
import { lifetime } from '../lifetime.ts'
import type { CommandLink } from '../link.ts'
import { loadScript } from '../script.ts'
import { amount, size } from './arguments.ts'
import { RedisArgumentError, RedisValueError } from './errors.ts'
import { type Decode, decodeJson, encodeJson } from './json.ts'
import { listOf, textOf, textsOf } from './replies.ts'
import { type Once, Structure, type StructureOptions } from './structure.ts'

const append = loadScript(new URL('../lua/append.lua', import.meta.url), (reply) =>
  typeof reply === 'string' ? reply : undefined,
)

export interface FeedOptions<T> extends StructureOptions {
  /** How long a feed lives after the last entry. */
  readonly ttl: Duration
  /** How many entries a feed keeps: one beyond it drops the oldest. */
  readonly max: number
  readonly decode: Decode<T>
}

/** A value with its place in the feed: `<ms>-<n>`, and later ones are greater. */
export interface FeedEntry<T> {
  readonly id: string
  readonly value: T
}

/**
 * JSON values in the order in which they came, each with an id that whoever reads can go on from: a stream. Each method is
 * one command or one script. All reject with a {@link RedisUnavailableError} when Redis is away, and with a
 * {@link RedisValueError} for what is not theirs.
 */
export interface Feed<T> {
  /**
   * Adds a value and gives its entry's id; the lifetime begins anew. With `once`, a repeat changes nothing and gives
   * undefined. A script: EXISTS, XADD, PEXPIRE, SET.
   */
  append(id: string, value: T, options?: { once?: Once }): Promise<string | undefined>
  /**
   * What came after the entry `lastId`, the oldest first, at most `limit`; from the oldest that is kept when there is no
   * `lastId`. XRANGE.
   *
   * @throws {RedisArgumentError} for a `lastId` that {@link isEntryId} refuses
   */
  after(id: string, lastId: string | undefined, limit: number): Promise<FeedEntry<T>[]>
  /** The newest entry. XREVRANGE. */
  last(id: string): Promise<FeedEntry<T> | undefined>
}

/** @throws {RedisArgumentError | RangeError} for a name, a size or a lifetime that is none */
export function openFeed<T>(link: CommandLink, { ttl, max, decode, ...options }: FeedOptions<T>): Feed<T> {
  const feed = new Structure(link, options, 'feed')
  const px = lifetime(ttl)
  const most = size('max', max)
  const entriesOf = (id: string, reply: unknown): FeedEntry<T>[] =>
    listOf(reply).map((entry) => {
      const [entryId, parts] = listOf(entry)
      const [name, text] = textsOf(parts)
      if (name !== 'value' || text === undefined) {
        throw new RedisValueError(feed.key(id), 'an entry without a value')
      }
      return { id: textOf(entryId) ?? '', value: decodeJson(feed.key(id), text, decode) }
    })

  return {
    async append(id, value, { once } = {}) {
      const guarded = once && { guard: feed.guard(id, once.id), ttl: once.ttl }
      return feed.script(id, append, [px, most, encodeJson(value)], guarded)
    },
    async after(id, lastId, limit) {
      if (lastId !== undefined && !isEntryId(lastId)) {
        throw new RedisArgumentError('lastId must be the id of an entry, such as 1700000000000-0')
      }
      if (amount('limit', limit) === 0) return []
      const start = lastId === undefined ? '-' : `(${lastId}`
      return entriesOf(id, await feed.call(id, 'xrange', start, '+', 'COUNT', limit))
    },
    async last(id) {
      return entriesOf(id, await feed.call(id, 'xrevrange', '+', '-', 'COUNT', 1))[0]
    },
  }
}

/** Whether a text that came from outside, such as a Last-Event-ID, can be the id of an entry. */
export const isEntryId = (text: string): boolean => {
  const [, ms, sequence] = /^(\d{1,20})-(\d{1,20})$/.exec(text) ?? []
  return [ms, sequence].every((part) => part !== undefined && BigInt(part) < 2n ** 64n - 1n)
}
