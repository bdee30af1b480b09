import type { Once, SortedSet } from '@lockstep/redis'

/** The only board: how many of each book were sold. */
const BOARD = 'best-sellers'

export interface Standing {
  readonly bookId: number
  readonly score: number
}

/** A place among all books, 1 for the best. */
export interface Ranked extends Standing {
  readonly rank: number
}

/** Which books sell best (requirement D4). All methods reject with a RedisUnavailableError when Redis is away. */
export interface Leaderboard {
  top(limit: number, skip: number): Promise<Ranked[]>
  /** Undefined: the book is not on it. */
  of(bookId: number): Promise<Ranked | undefined>
  /** Books with a score from `min` to `max`, the highest first. */
  range(min: number, max: number, page: { skip: number; limit: number }): Promise<Standing[]>
  count(): Promise<number>
  /** Adds to a book's score, at most once for an event. */
  add(bookId: number, by: number, once: Once): Promise<number>
  set(bookId: number, score: number): Promise<void>
  /** Tells whether it was there. */
  remove(bookId: number): Promise<boolean>
}

export function leaderboardOf(boards: SortedSet): Leaderboard {
  return {
    async top(limit, skip) {
      const found = await boards.top(BOARD, limit, { skip })
      return found.map((place, i) => ({ rank: skip + i + 1, ...standingOf(place) }))
    },
    async of(bookId) {
      const member = String(bookId)
      const [rank, score] = await Promise.all([boards.rank(BOARD, member), boards.score(BOARD, member)])
      return rank === undefined || score === undefined ? undefined : { rank, bookId, score }
    },
    range: async (min, max, page) => (await boards.range(BOARD, min, max, page)).map(standingOf),
    count: () => boards.count(BOARD),
    add: (bookId, by, once) => boards.add(BOARD, String(bookId), by, { once }),
    set: (bookId, score) => boards.set(BOARD, String(bookId), score),
    remove: (bookId) => boards.remove(BOARD, String(bookId)),
  }
}

const standingOf = ({ member, score }: { member: string; score: number }): Standing => ({
  bookId: Number(member),
  score,
})
