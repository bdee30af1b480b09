import type { CommandLink } from '../link.ts'
import { loadScript } from '../script.ts'
import { amount, finite } from './arguments.ts'
import { RedisArgumentError, RedisValueError } from './errors.ts'
import { textOf, textsOf } from './replies.ts'
import { type Once, Structure, type StructureOptions } from './structure.ts'

const addScore = loadScript(new URL('../lua/add-score.lua', import.meta.url), Number)

/** A member of a sorted set, with its score. */
export interface Scored {
  readonly member: string
  readonly score: number
}

/**
 * Members with scores, in order of their scores (requirement D4): leaderboards. The highest comes first; of two with the
 * same score, the one whose bytes are greater. Boards have no lifetime. Each method is one command, or one script where it
 * says so. All reject with a {@link RedisUnavailableError} when Redis is away, with a {@link RedisValueError} for what is
 * not theirs, and with a {@link RedisArgumentError} for a score that is not finite or an amount that is none.
 */
export interface SortedSet {
  /** ZADD. */
  set(board: string, member: string, score: number): Promise<void>
  /**
   * Adds to a score, which begins at 0, and gives the sum. With `once`, a repeat for this member only gives its score. A
   * script: EXISTS, ZSCORE, ZINCRBY, SET.
   */
  add(board: string, member: string, by: number, options?: { once?: Once }): Promise<number>
  /** 1 for the highest; undefined for one that is not there. ZREVRANK. */
  rank(board: string, member: string): Promise<number | undefined>
  /** ZSCORE. */
  score(board: string, member: string): Promise<number | undefined>
  /** The highest `n`, after the first `skip`. ZRANGE REV. */
  top(board: string, n: number, options?: { skip?: number }): Promise<Scored[]>
  /** Those with a score from `min` to `max`, both included and infinite or not, the highest first. ZRANGE BYSCORE REV. */
  range(board: string, min: number, max: number, page: { skip?: number; limit: number }): Promise<Scored[]>
  /** Tells whether it was there. ZREM. */
  remove(board: string, member: string): Promise<boolean>
  /** How many members there are. ZCARD. */
  count(board: string): Promise<number>
}

/** @throws {RedisArgumentError} for a name that is none */
export function openSortedSet(link: CommandLink, options: StructureOptions): SortedSet {
  const boards = new Structure(link, options, 'sorted')
  const finiteOf = (board: string, score: number): number => {
    if (Number.isFinite(score)) return score
    throw new RedisValueError(boards.key(board), 'a score that is not finite')
  }
  const scoredOf = (board: string, reply: unknown): Scored[] => {
    const texts = textsOf(reply)
    return texts.flatMap((member, at) =>
      at % 2 === 0 ? [{ member, score: finiteOf(board, Number(texts[at + 1])) }] : [],
    )
  }

  return {
    async set(board, member, score) {
      await boards.call(board, 'zadd', finite('score', score), member)
    },
    async add(board, member, by, { once } = {}) {
      const guarded = once && { guard: boards.guard(board, member, once.id), ttl: once.ttl }
      return finiteOf(board, await boards.script(board, addScore, [finite('by', by), member], guarded))
    },
    async rank(board, member) {
      const above = await boards.call(board, 'zrevrank', member)
      return typeof above === 'number' ? above + 1 : undefined
    },
    async score(board, member) {
      const text = textOf(await boards.call(board, 'zscore', member))
      return text === undefined ? undefined : finiteOf(board, Number(text))
    },
    async top(board, n, { skip = 0 } = {}) {
      if (amount('n', n) === 0) return []
      const last = amount('skip', skip) + n - 1
      return scoredOf(board, await boards.call(board, 'zrange', skip, last, 'REV', 'WITHSCORES'))
    },
    async range(board, min, max, { skip = 0, limit }) {
      const [from, to] = [bound('min', min), bound('max', max)]
      const page = ['LIMIT', amount('skip', skip), amount('limit', limit)]
      const reply = await boards.call(board, 'zrange', to, from, 'BYSCORE', 'REV', ...page, 'WITHSCORES')
      return scoredOf(board, reply)
    },
    remove: async (board, member) => (await boards.call(board, 'zrem', member)) === 1,
    count: async (board) => Number(await boards.call(board, 'zcard')),
  }
}

/** A bound as Redis writes it: infinite ones have a name of their own. */
function bound(name: string, given: number): string {
  if (Number.isNaN(given)) throw new RedisArgumentError(`${name} must be a number, not NaN`)
  if (Number.isFinite(given)) return String(given)
  return given > 0 ? '+inf' : '-inf'
}
