import type { SessionCalls } from './calls.ts'
import { dataTooLarge } from './errors.ts'
import { newId, type Random, referenceOf, tagOf } from './id.ts'
import { recordOf, type SessionData, type SessionRecord } from './record.ts'
import * as scripts from './scripts.ts'

export interface StoreOptions {
  /** Milliseconds, as the next. */
  readonly idle: number
  readonly absolute: number
  /** Sessions of one user. */
  readonly most: number
  /** Of the data of a session, as JSON. */
  readonly maxBytes: number
  readonly random?: Random | undefined
  /** Told once of a record that is none of ours. */
  readonly onCorrupt: (reference: string) => void
}

/** Why there is no session. `rotated`: a login has just given it another id. */
export type Absence = 'none' | 'rotated' | 'corrupt'

/** A session, and the id that its cookie carries. */
export interface Held {
  readonly id: string
  readonly record: SessionRecord
}

export interface Beginning {
  readonly user: string | undefined
  readonly data: SessionData
  readonly agent: string
  /** Only if this is still the user's. */
  readonly generation?: string | undefined
  /** The id of a session of the same user that this takes the place of, provided that it lives. */
  readonly replaces?: string | undefined
}

/**
 * Sessions in Redis, by their ids. A record lies under the SHA-256 of its id, so that a dump opens no session. It lives while
 * its key does (that is the idle limit), until its end (the absolute one), and while its generation is its user's. Each change
 * is one script, and creates only where nothing is, or changes only what lives: a request that was under way while its session
 * ended cannot bring it back.
 *
 * All methods throw a {@link ProblemError}: 503 when Redis does not answer, 413 for data that are too large.
 */
export class SessionStore {
  readonly #calls: SessionCalls
  readonly #options: StoreOptions
  #corruptTold = false

  constructor(calls: SessionCalls, options: StoreOptions) {
    this.#calls = calls
    this.#options = options
  }

  async read(id: string): Promise<Held | Absence> {
    const reference = referenceOf(id)
    const args = [reference, this.#options.idle]
    const [found, ...fields] = await this.#calls.run(tagOf(id), scripts.read, this.#keysOf(id), args)
    const record = found === 'alive' ? recordOf(fields) : undefined
    if (record) return { id, record }
    if (found === 'none' || found === 'rotated') return found
    this.#corrupt(reference)
    return 'corrupt'
  }

  async begin(beginning: Beginning): Promise<Held | 'ended' | 'superseded'> {
    const { user, data, agent, generation = '', replaces } = beginning
    const { idle, absolute, most, random } = this.#options
    const { counts, keys } = this.#calls
    const text = this.encoded(data)
    const id = newId(user, random)
    const tag = tagOf(id)
    const replaced = replaces === undefined ? [] : [referenceOf(replaces)]
    const [outcome, , ends, created, ...over] = await this.#calls.run(
      tag,
      scripts.begin,
      [...this.#keysOf(id), ...replaced.map((reference) => keys.record(tag, reference))],
      [
        referenceOf(id),
        user ?? '',
        generation,
        idle,
        absolute,
        most,
        agent,
        text,
        keys.publish,
        keys.channel(keys.shardOf(tag)),
        ...replaced,
      ],
    )
    if (outcome === 'ended' || outcome === 'superseded') {
      counts[outcome]++
      return outcome
    }
    if (outcome !== 'created') throw new Error('A new session id was taken: its source of chance is broken')
    counts.created++
    counts.rotated += replaced.length
    counts.destroyed += replaced.length + over.length
    await this.#calls.forget(tag, over)
    const at = Number(created)
    return { id, record: { user, created: at, ends: Number(ends), seen: at, agent, data } }
  }

  /** Tells whether the session lived, and holds the data now. */
  async save(id: string, data: SessionData): Promise<boolean> {
    const args = [referenceOf(id), this.#options.idle, this.encoded(data)]
    const found = await this.#calls.run(tagOf(id), scripts.save, this.#keysOf(id), args)
    if (found !== 'alive') this.#calls.counts.ended++
    return found === 'alive'
  }

  /** See {@link SessionCalls.end}. */
  end(id: string, rotated = false): Promise<boolean | 'rotated'> {
    return this.#calls.end(tagOf(id), referenceOf(id), { rotated })
  }

  /** The data as they are stored. @throws {ProblemError} 413 */
  encoded(data: SessionData): string {
    const { maxBytes } = this.#options
    const text = JSON.stringify(data)
    const bytes = Buffer.byteLength(text)
    if (bytes <= maxBytes) return text
    this.#calls.counts.tooLarge++
    throw dataTooLarge(bytes, maxBytes)
  }

  #keysOf(id: string): string[] {
    const { keys } = this.#calls
    return [keys.record(tagOf(id), referenceOf(id)), keys.user(tagOf(id))]
  }

  #corrupt(reference: string): void {
    this.#calls.counts.corrupt++
    if (this.#corruptTold) return
    this.#corruptTold = true
    this.#options.onCorrupt(reference)
  }
}
