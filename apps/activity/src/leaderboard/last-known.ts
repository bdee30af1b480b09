import { RedisUnavailableError } from '@lockstep/redis'

/** How many answers are remembered; those that were given longest ago go. */
const MOST = 100

/** An answer, and for how many seconds nobody could confirm it; undefined: it is from now. */
export interface Known<T> {
  readonly value: T
  readonly age?: number
}

/**
 * Asks, and remembers the answer for while Redis is away (requirement K6): a leaderboard of a minute ago is better than
 * none, as long as it says how old it is. Without an answer to give the RedisUnavailableError is the caller's.
 *
 * @param now milliseconds that never go back
 */
export function lastKnown<T>(now: () => number) {
  const answers = new Map<string, { value: T; at: number }>()
  return async (question: string, read: () => Promise<T>): Promise<Known<T>> => {
    try {
      const value = await read()
      answers.delete(question)
      answers.set(question, { value, at: now() })
      const [oldest] = answers.keys()
      if (answers.size > MOST && oldest !== undefined) answers.delete(oldest)
      return { value }
    } catch (error) {
      const answer = answers.get(question)
      if (!(error instanceof RedisUnavailableError) || !answer) throw error
      return { value: answer.value, age: Math.ceil((now() - answer.at) / 1000) }
    }
  }
}
