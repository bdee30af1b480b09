import { type Answer, read } from './client.ts'

/** An answer, and when it was there: milliseconds since the phase began. */
export interface Timed extends Answer {
  readonly at: number
}

export interface Driven {
  readonly answers: readonly Timed[]
  /** Answers a second. */
  readonly rate: number
}

/**
 * Reads addresses in their order, so many at a time: a closed loop, in which a slow answer holds the next request back.
 *
 * @param urls how many there are must not depend on the answers
 * @param atATime requests under way
 * @param step told how many have been answered
 * @param over looked at before each request
 */
export async function drive(
  urls: Iterable<string>,
  atATime: number,
  step: (done: number) => void,
  over: () => boolean = () => false,
): Promise<Driven> {
  const answers: Timed[] = []
  const source = urls[Symbol.iterator]()
  const begun = performance.now()
  const one = async (): Promise<void> => {
    for (let next = source.next(); !next.done && !over(); next = source.next()) {
      const answer = await read(next.value)
      answers.push({ ...answer, at: performance.now() - begun })
      step(answers.length)
    }
  }
  await Promise.all(Array.from({ length: atATime }, one))
  return { answers, rate: (answers.length / (performance.now() - begun)) * 1000 }
}
