import type { Feed, Once } from '@lockstep/redis'
import { Compile } from 'typebox/compile'
import { Notice } from '../notices/notice.ts'
import { justBefore } from './place.ts'

/** How much is read at once. */
const BATCH = 50

/** An entry of a stream without a notice: a place in the feed of somebody who had none yet. */
const MARK = 'mark'
type Entry = Notice | typeof MARK

const isNotice = Compile(Notice)
/** What another program, or another release, has put there passes as a mark: it must not end a feed for ever. */
export const decodeEntry = (value: unknown): Entry => (isNotice.Check(value) ? value : MARK)

/** A place in a feed, and the notice there, if any. */
export interface Item {
  readonly place: string
  readonly notice?: Notice
}

/** What came after a place. */
interface News {
  /** False: the place is not kept any more, so what came after it may be lost; the items are all that is kept. */
  readonly complete: boolean
  readonly items: readonly Item[]
  /** There is more, to be read at once. */
  readonly more: boolean
}

/**
 * The feeds of users: a Redis stream each, which keeps the last notices in order.
 *
 * Nothing is ever taken from a stream but its oldest entries, or the whole of it (its time is over, Redis lost its data).
 * So as long as the entry at somebody's place is there, all that came after it is there, too: it is read along each time,
 * and when it is missing the reader is told. For this a place is always that of an entry; a feed without any gets a mark.
 *
 * All methods reject with a RedisUnavailableError when Redis is away.
 */
export interface Feeds {
  /** At most once for `once`. */
  add(user: string, notice: Notice, once: Once): Promise<void>
  /** The place after which there is nothing yet. */
  now(user: string): Promise<string>
  after(user: string, place: string): Promise<News>
}

export function feedsOf(streams: Feed<Entry>): Feeds {
  const mark = async (user: string): Promise<string> => {
    const place = await streams.append(user, MARK)
    if (place === undefined) throw new Error(`no mark was made in the feed of ${user}`)
    return place
  }
  return {
    async add(user, notice, once) {
      await streams.append(user, notice, { once })
    },
    now: async (user) => (await streams.last(user))?.id ?? (await mark(user)),
    async after(user, place) {
      const [at, ...later] = await streams.after(user, justBefore(place), BATCH)
      if (at?.id === place)
        return { complete: true, items: later.map(itemOf), more: later.length === BATCH - 1 }
      const kept = await streams.after(user, undefined, BATCH)
      const items = kept.length > 0 ? kept.map(itemOf) : [{ place: await mark(user) }]
      return { complete: false, items, more: kept.length === BATCH }
    },
  }
}

const itemOf = ({ id, value }: { id: string; value: Entry }): Item =>
  value === MARK ? { place: id } : { place: id, notice: value }
