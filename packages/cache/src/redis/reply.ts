import type { HeadReply } from '../ports.ts'
import type { Head } from '../protocol/history.ts'

/**
 * A script answered something else than it is written to: another program's, or another release's, data is in the way.
 * It is a TypeError, as the link takes any other fault that Redis did not send for a lost connection.
 */
export class StoreReplyError extends TypeError {
  readonly code = 'LOCKSTEP_STORE_REPLY'

  constructor(script: string, expected: string) {
    super(
      `Redis answered ${script} with something that is not ${expected}: look for another program that writes under our prefix`,
    )
    this.name = 'StoreReplyError'
  }
}

const HEAD = /^(\d{1,16}):(\d{1,16}):([\w-]+):(\d{1,16})$/

/** The head as its key holds it, `incarnation:seq:token:born`; undefined when it is none of ours. */
export function parseHead(text: string): Head | undefined {
  const [, incarnation, seq, token, born] = HEAD.exec(text) ?? []
  if (token === undefined) return undefined
  return { incarnation: Number(incarnation), seq: Number(seq), token, born: Number(born) }
}

/** Reads the reply of one script, value by value. What it does not expect throws a {@link StoreReplyError}. */
export class ReplyReader {
  readonly #script: string
  readonly #values: readonly unknown[]
  #at = 0

  constructor(script: string, reply: unknown) {
    this.#script = script
    this.#values = Array.isArray(reply) ? reply : this.#fail('an array')
  }

  /** How many values are left. */
  get left(): number {
    return this.#values.length - this.#at
  }

  next(): unknown {
    return this.#values[this.#at++]
  }

  text(): string {
    const value = this.next()
    if (typeof value === 'string') return value
    return Buffer.isBuffer(value) ? value.toString() : this.#fail('text')
  }

  integer(): number {
    const value = this.next()
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : this.#fail('a whole number')
  }

  flag(): boolean {
    const value = this.integer()
    return value === 0 || value === 1 ? value === 1 : this.#fail('0 or 1')
  }

  /** All that is left. */
  texts(): string[] {
    return Array.from({ length: this.left }, () => this.text())
  }

  head(): HeadReply {
    const head = parseHead(this.text()) ?? this.#fail('a head')
    return { head, time: this.integer() }
  }

  /** That nothing is left. */
  end<T>(result: T): T {
    return this.left === 0 ? result : this.#fail('as long as expected')
  }

  fail(expected: string): never {
    throw new StoreReplyError(this.#script, expected)
  }

  #fail(expected: string): never {
    return this.fail(expected)
  }
}

/** A reply that is one whole number. */
export function count(script: string, reply: unknown): number {
  if (typeof reply === 'number' && Number.isSafeInteger(reply)) return reply
  throw new StoreReplyError(script, 'a whole number')
}
