import { batched, type Clock, endOfTurn, RedisUnavailableError } from '@lockstep/redis'
import type { Answer, Ask, Store } from './store.ts'

/** What became of a question: an answer and when it was sent, or why there is none. */
export type Outcome =
  | { readonly answer: Answer; readonly sent: number }
  | { readonly answer: undefined; readonly error: Error }

interface Question {
  readonly ask: Ask
  readonly settle: (outcome: Outcome) => void
}

/** What went out as one command. */
interface Batch {
  readonly shard: number
  readonly questions: readonly Question[]
  readonly due: number
}

/** How many keys one run of the script takes: Redis serves nobody else meanwhile. */
const MAX_BATCH = 16

/**
 * The way to the store. What is asked in one turn of the event loop goes out as one command a shard, and nobody waits
 * longer than the deadline.
 *
 * Behind it the link has its own breaker, whose patience may be longer. So while an answer is overdue, the store counts as
 * silent and is not asked: every question has its outcome at once. The overdue command ends that, by its answer or by the
 * failure that opens the breaker, after which questions fail at once by themselves.
 */
export class Gate {
  readonly #store: Store
  readonly #clock: Clock
  readonly #timeout: number
  readonly #consume: readonly ((question: Question) => void)[]
  readonly #overdue: number[]
  /** What has no answer yet and is not overdue, in the order in which it went out. */
  readonly #underWay = new Set<Batch>()
  #watching = false

  /** @param timeout the longest that a question waits, in ms */
  constructor(store: Store, clock: Clock, timeout: number) {
    this.#store = store
    this.#clock = clock
    this.#timeout = timeout
    this.#overdue = Array.from({ length: store.shards }, () => 0)
    this.#consume = this.#overdue.map((_, shard) =>
      batched(endOfTurn, (questions) => this.#send(shard, questions, 'consume'), MAX_BATCH),
    )
  }

  /** It never rejects. */
  consume(ask: Ask): Promise<Outcome> {
    const shard = this.#store.shardOf(ask.name)
    if (this.#silent(shard)) return Promise.resolve(away)
    return new Promise((settle) => this.#consume[shard]?.({ ask, settle }))
  }

  /** It never rejects. */
  peek(ask: Ask): Promise<Outcome> {
    const shard = this.#store.shardOf(ask.name)
    if (this.#silent(shard)) return Promise.resolve(away)
    return new Promise((settle) => this.#send(shard, [{ ask, settle }], 'peek'))
  }

  #silent(shard: number): boolean {
    return (this.#overdue[shard] ?? 0) > 0
  }

  #send(shard: number, questions: readonly Question[], mode: 'consume' | 'peek'): void {
    const sent = this.#clock.now()
    const batch: Batch = { shard, questions, due: sent + this.#timeout }
    this.#watch(batch)
    const asks = questions.map(({ ask }) => ask)
    this.#store.ask(shard, asks, mode).then(
      (answers) => {
        this.#end(batch)
        for (let at = 0; at < questions.length; at++) {
          const answer = answers[at]
          if (answer === undefined || answer instanceof Error) {
            questions[at]?.settle({ answer: undefined, error: answer ?? new RedisUnavailableError() })
          } else {
            questions[at]?.settle({ answer, sent })
          }
        }
      },
      (error: Error) => {
        this.#end(batch)
        fail(batch, error)
      },
    )
  }

  #end(batch: Batch): void {
    if (!this.#underWay.delete(batch)) this.#overdue[batch.shard] = (this.#overdue[batch.shard] ?? 1) - 1
  }

  /** One timer for all that is under way, however much that is: it is set anew only when it has run out. */
  #watch(batch: Batch): void {
    this.#underWay.add(batch)
    if (!this.#watching) this.#wait()
  }

  #wait(): void {
    const [first] = this.#underWay
    this.#watching = first !== undefined
    if (first === undefined) return
    this.#clock.after(first.due - this.#clock.now(), () => {
      // A process that was itself held up finds the timer due before it reads an answer that has long arrived.
      this.#clock.soon(() => {
        this.#giveUp()
        this.#wait()
      })
    })
  }

  #giveUp(): void {
    const now = this.#clock.now()
    for (const batch of this.#underWay) {
      // Timers count whole milliseconds.
      if (batch.due > now + 1) break
      this.#underWay.delete(batch)
      this.#overdue[batch.shard] = (this.#overdue[batch.shard] ?? 0) + 1
      fail(batch, new RedisUnavailableError({ cause: new Error(`no answer within ${this.#timeout} ms`) }))
    }
  }
}

function fail({ questions }: Batch, error: Error): void {
  for (const { settle } of questions) settle({ answer: undefined, error })
}

const away: Outcome = { answer: undefined, error: new RedisUnavailableError() }
