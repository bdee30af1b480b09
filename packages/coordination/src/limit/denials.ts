import type { Answer } from './store.ts'

/** A refusal, and when it was asked for. */
export interface Denial {
  readonly answer: Answer
  /** By the monotonic clock: before the store can have decided. */
  readonly sent: number
}

const MAX_DENIALS = 10_000

/**
 * What the store has refused and cannot give yet. A refusal says how long nothing can change it, and others who take
 * permits only make that longer; counted from when the question was *sent*, which is before it was decided, it ends here no
 * later than there. So the answers are the store's own, at the cost of a look in a map.
 *
 * Only an administrator's `forget` in another process ends a refusal before its time; here it is heard of when that is
 * over. There is no timer: what is over goes when it is asked for, or when there are too many.
 */
export class Denials {
  readonly #known = new Map<string, Denial>()
  readonly #max: number

  constructor(max = MAX_DENIALS) {
    this.#max = max
  }

  get size(): number {
    return this.#known.size
  }

  /** @param now by the monotonic clock */
  find(name: string, cost: number, now: number): Denial | undefined {
    if (this.#known.size === 0) return undefined
    const id = idOf(name, cost)
    const denial = this.#known.get(id)
    if (denial === undefined) return undefined
    if (now < denial.sent + denial.answer.waitMs) return denial
    this.#known.delete(id)
    return undefined
  }

  add(name: string, cost: number, denial: Denial): void {
    const id = idOf(name, cost)
    // Again at the end: the first in the map is the one that was refused longest ago.
    this.#known.delete(id)
    const [first] = this.#known.keys()
    if (this.#known.size >= this.#max && first !== undefined) this.#known.delete(first)
    this.#known.set(id, denial)
  }

  /** Of all costs. */
  forget(name: string): void {
    for (const id of this.#known.keys()) {
      if (id.slice(id.indexOf(' ') + 1) === name) this.#known.delete(id)
    }
  }
}

const idOf = (name: string, cost: number): string => `${cost} ${name}`
