import { type Clock, RedisUnavailableError } from '@lockstep/redis'
import type { Answer, Ask, Backend, Handed } from './backend.ts'
import { deadlineOf } from './lease.ts'
import type { Over, Patience } from './patience.ts'

/** However long nothing is heard, a waiter asks again after this, in ms: messages may be lost, and it must count as alive. */
const POLL_MS = 1000
/** The pause after an ask that nobody answered, in ms, unless Redis is known to be back before. */
const RETRY_MS = 200

export interface Granted<Grant> {
  readonly kind: 'granted'
  readonly grant: Grant
  /** When the ask that was granted was sent. */
  readonly sent: number
  /** Milliseconds, from then at least. */
  readonly lease: number
  /** Whether an earlier ask may still be under way. */
  readonly doubtful: boolean
  /** Whether it had to wait, and whether it was then handed over by who had it before. */
  readonly waited: boolean
  readonly handed: boolean
}

export interface NotGranted {
  readonly kind: 'over'
  readonly why: Over
  /** Whether Redis may know of it. */
  readonly asked: boolean
  readonly doubtful: boolean
  readonly holderRest: number | undefined
  /** Why Redis did not answer the last ask. */
  readonly cause: unknown
}

/** An answer that no ask may be given: Redis refuses it, or holds something else there. */
export interface Failed {
  readonly kind: 'failed'
  readonly doubtful: boolean
  readonly error: unknown
}

/**
 * Asks until it is granted or patience is over. Every ask has the same token, so that one whose answer was lost does no
 * harm: if it was granted, the next one is told so.
 */
export async function contend<Grant>(
  backend: Backend<Grant>,
  clock: Clock,
  ask: Ask,
  patience: Patience,
): Promise<Granted<Grant> | NotGranted | Failed> {
  const turn = new Turn<Grant>()
  const forget = backend.onTurn(ask, (handed) => turn.call(handed))
  let asked = false
  let doubtful = false
  let waited = false
  try {
    for (;;) {
      turn.reset()
      const sent = clock.now()
      const answer = await askOnce(backend, ask)
      asked ||= answer.kind !== 'unanswered' || answer.doubtful
      if (answer.kind === 'granted') {
        if (clock.now() < deadlineOf(sent, ask.lease))
          return { ...answer, sent, lease: ask.lease, doubtful, waited, handed: false }
      } else {
        waited = true
        doubtful ||= answer.kind === 'unanswered' && answer.doubtful
        const happenings =
          answer.kind === 'unanswered' ? [turn.on, backend.onAvailable.bind(backend)] : [turn.on]
        await patience.until(happenings, answer.kind === 'taken' ? Math.min(answer.again, POLL_MS) : RETRY_MS)
      }
      const { handed } = turn
      // By the turn it is known that it was handed over after this ask was sent, however late the word of it is.
      if (handed && answer.kind === 'taken' && handed.turn === answer.turn) {
        const lease = Math.min(handed.lease, ask.lease)
        if (clock.now() < deadlineOf(sent, lease))
          return { kind: 'granted', grant: handed.grant, sent, lease, doubtful, waited, handed: true }
      }
      const why = patience.over
      if (why) return { kind: 'over', why, asked, doubtful, ...reasonIn(answer) }
    }
  } catch (error) {
    return { kind: 'failed', doubtful, error }
  } finally {
    forget()
  }
}

/** Nobody answered. It is doubtful whether the ask was carried out, or will be, unless it was never sent. */
interface Unanswered {
  readonly kind: 'unanswered'
  readonly doubtful: boolean
  readonly cause: RedisUnavailableError
}

/** One ask; that Redis is away is an answer. */
export function askOnce<Grant>(
  backend: Backend<Grant>,
  ask: Ask,
  queue = true,
): Promise<Answer<Grant> | Unanswered> {
  return backend.ask(ask, queue).catch(unanswered)
}

function unanswered(error: unknown): Unanswered {
  if (!(error instanceof RedisUnavailableError)) throw error
  return { kind: 'unanswered', doubtful: error.cause !== undefined, cause: error }
}

function reasonIn(answer: Answer<unknown> | Unanswered) {
  return {
    holderRest: answer.kind === 'taken' && answer.holderRest > 0 ? answer.holderRest : undefined,
    cause: answer.kind === 'unanswered' ? answer.cause : undefined,
  }
}

/** Remembers what it was told while nobody listened. */
class Turn<Grant> {
  handed: Handed<Grant> | undefined
  #called = false
  #listener: () => void = () => {}

  call(handed: Handed<Grant> | undefined): void {
    this.#called = true
    this.handed = handed
    this.#listener()
  }

  reset(): void {
    this.#called = false
    this.handed = undefined
  }

  readonly on = (listener: () => void): (() => void) => {
    this.#listener = listener
    if (this.#called) listener()
    return () => {
      this.#listener = () => {}
    }
  }
}
