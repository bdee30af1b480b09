import { Readable } from 'node:stream'
import { RedisUnavailableError } from '@lockstep/redis'
import type { Feeds } from './feed.ts'
import type { Permit } from './permit.ts'
import { heartbeat, opening, record, reset } from './records.ts'

/** Bytes that wait in this process for a client who reads slowly, before the operating system's own. */
const BUFFER_BYTES = 16_384

/** What a connection lives by; milliseconds. */
export interface Terms {
  readonly retry: number
  readonly heartbeat: number
  readonly stall: number
  readonly check: number
}

/**
 * One client at a feed. It reads the stream from the client's place on, sends what is there, and waits until somebody says
 * that there may be more. Who wakes it owes it nothing but the hint: what was read decides, so that hints may be lost, come
 * twice or come in any order. While Redis is away there is nothing to read, and the client stays.
 */
export class Connection {
  readonly stream: Readable
  readonly permit: Permit
  readonly #feeds: Feeds
  readonly #terms: Terms
  readonly #now: () => number
  /** Undefined: not known yet, as the client began with none and Redis has not said where the feed is. */
  #place: string | undefined
  #woken = false
  #wake: () => void = () => {}
  #over = false
  /** When the last record was given to the client. */
  #sent: number
  #checked: number
  /** Since when the client does not read, if it does not. */
  #blocked: number | undefined

  /**
   * @param place the last that the client has
   * @param now milliseconds that never go back
   */
  constructor(feeds: Feeds, permit: Permit, place: string | undefined, terms: Terms, now: () => number) {
    this.#feeds = feeds
    this.permit = permit
    this.#place = place
    this.#terms = terms
    this.#now = now
    this.#sent = now()
    this.#checked = now()
    this.stream = Readable.from(this.#records(), { objectMode: false, highWaterMark: BUFFER_BYTES })
  }

  /** There may be something new. */
  wake(): void {
    this.#woken = true
    this.#wake()
  }

  /** Ends it in good order, behind what the client is being sent; or because the client has gone. */
  end(): void {
    this.#over = true
    this.wake()
  }

  /** Looks after it: a client that does not read is cut, a right that is over ends it, lost messages are made up for. */
  tend(wall: number): void {
    const now = this.#now()
    if (this.#blocked !== undefined && now - this.#blocked > this.#terms.stall) this.stream.destroy()
    if (wall >= this.permit.ends) this.end()
    if (now - this.#checked >= this.#terms.check) void this.check()
    this.wake()
  }

  /** Ends it when its right is over. Nobody can say: it is asked again with the next look. */
  async check(): Promise<void> {
    this.#checked = this.#now()
    const holds = await this.permit.holds().catch(() => true)
    if (!holds) this.end()
  }

  async *#records(): AsyncGenerator<string> {
    yield* this.#send(opening(this.#terms.retry))
    while (!this.#over) {
      this.#woken = false
      const more = yield* this.#news()
      if (!more && !this.#woken) await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Sends what there is; tells whether there is more. */
  async *#news(): AsyncGenerator<string, boolean> {
    const place = this.#place
    try {
      if (place === undefined) {
        this.#place = await this.#feeds.now(this.permit.user)
        yield* this.#send(record({ place: this.#place }))
        return false
      }
      const { complete, items, more } = await this.#feeds.after(this.permit.user, place)
      if (!complete) yield* this.#send(reset(place))
      for (const item of items) {
        if (this.#over) return false
        yield* this.#send(record(item))
        this.#place = item.place
      }
      if (items.length === 0) yield* this.#silence()
      return more
    } catch (error) {
      if (!(error instanceof RedisUnavailableError)) throw error
      yield* this.#silence()
      return false
    }
  }

  async *#silence(): AsyncGenerator<string> {
    if (this.#now() - this.#sent >= this.#terms.heartbeat) yield* this.#send(heartbeat)
  }

  /** It goes on when the client has room for more. */
  async *#send(text: string): AsyncGenerator<string> {
    this.#blocked = this.#now()
    yield text
    this.#blocked = undefined
    this.#sent = this.#now()
  }
}
