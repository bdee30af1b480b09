import type { Answer } from './store.ts'

/** One key as this process is asked about it. */
interface Demand {
  /** When the present span of counting began, by the monotonic clock. */
  begun: number
  /** Permits asked for in it, and in the one before. */
  asked: number
  before: number
  /** A question is under way that may bring permits: nobody else asks for more. */
  asking: boolean
  /** Permits in hand, what was said with them, and when they end. */
  left: number
  until: number
  sent: number
  answer: Answer | undefined
}

const MAX_KEYS = 1000

/**
 * Permits that were taken ahead for keys this process is asked about often.
 *
 * They were counted in one grain of the store's time, so they may be spent in that grain and no later; counted from when
 * the question was *sent*, which is before it was answered, they end here before they do there. So the limit holds as if
 * each had been asked for when it was spent.
 *
 * No more are asked for than were wanted in the grain before, so that a key with little use is not robbed of permits that
 * nobody spends: what is left over when they end is lost until it is forgotten.
 */
export class Leases {
  readonly #known = new Map<string, Demand>()
  readonly #most: number
  readonly #span: number

  /**
   * @param most permits that one lease may have
   * @param span the length of a grain, in ms
   */
  constructor(most: number, span: number) {
    this.#most = most
    this.#span = span
  }

  /** Permits in hand for this; else undefined, and it has been noted that they are wanted. */
  spend(name: string, cost: number, now: number): { answer: Answer; sent: number } | undefined {
    const demand = this.#demandFor(name, now)
    demand.asked += cost
    const { answer, sent } = demand
    if (answer === undefined || demand.left < cost || now >= demand.until) return undefined
    demand.left -= cost
    return { answer: { ...answer, refusedBy: undefined, waitMs: 0 }, sent }
  }

  /** How many permits to ask for besides `cost`; when more than 0, {@link took} or {@link failed} must follow. */
  wanted(name: string, cost: number, now: number): number {
    const demand = this.#demandFor(name, now)
    if (demand.asking) return 0
    const wanted = Math.min(this.#most, Math.max(demand.before, demand.asked - cost))
    demand.asking = wanted > 0
    return wanted
  }

  took(name: string, answer: Answer, sent: number): void {
    const demand = this.#known.get(name)
    if (demand === undefined) return
    demand.asking = false
    if (answer.leased === 0) return
    demand.left = answer.leased
    demand.until = sent + answer.leaseMs
    demand.sent = sent
    demand.answer = answer
  }

  failed(name: string): void {
    const demand = this.#known.get(name)
    if (demand !== undefined) demand.asking = false
  }

  forget(name: string): void {
    this.#known.delete(name)
  }

  #demandFor(name: string, now: number): Demand {
    let demand = this.#known.get(name)
    if (demand === undefined) {
      const [first] = this.#known.keys()
      if (this.#known.size >= MAX_KEYS && first !== undefined) this.#known.delete(first)
      demand = {
        begun: now,
        asked: 0,
        before: 0,
        asking: false,
        left: 0,
        until: 0,
        sent: 0,
        answer: undefined,
      }
      this.#known.set(name, demand)
    }
    const elapsed = now - demand.begun
    if (elapsed >= this.#span) {
      demand.before = elapsed < 2 * this.#span ? demand.asked : 0
      demand.asked = 0
      demand.begun = now
    }
    return demand
  }
}
