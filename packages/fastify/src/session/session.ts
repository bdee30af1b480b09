import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SessionCookie } from './cookie.ts'
import { challenge, loginSuperseded, sessionEnded, storeUnavailable } from './errors.ts'
import { referenceOf, tagOfUser } from './id.ts'
import type { SessionData } from './record.ts'
import type { Sessions } from './sessions.ts'
import type { Absence, Held, SessionStore } from './store.ts'

const LONGEST_AGENT = 200

/** What is known of a request's session: one that lives, why there is none, or that the store did not answer. */
export type Presented = Held | Absence | 'unavailable'

/** What the sessions of an instance have in common. */
export interface Around {
  readonly store: SessionStore
  readonly sessions: Sessions
  readonly cookie: SessionCookie
}

/**
 * The session of a request. Its values are those at the time it was read; every change goes to Redis at once, and is
 * refused with 401 `SESSION_ENDED` when the session has ended, or got another id, in the meantime. All methods reject with
 * 503 `SESSION_STORE_UNAVAILABLE` when Redis does not answer, and then the cookie stays as it is.
 *
 * A cookie is only ever given with a new id, and cleared by a log-out: an answer to a request that was under way with an
 * old id, and arrives late, must not take the new one from the browser.
 */
export class Session {
  readonly #store: SessionStore
  readonly #sessions: Sessions
  readonly #cookie: SessionCookie
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  /** The id that the cookie carries, whether or not it is anybody's. */
  #id: string | undefined
  #state: Presented

  constructor(
    { store, sessions, cookie }: Around,
    request: FastifyRequest,
    reply: FastifyReply,
    id: string | undefined,
    state: Presented,
  ) {
    this.#store = store
    this.#sessions = sessions
    this.#cookie = cookie
    this.#request = request
    this.#reply = reply
    this.#id = id
    this.#state = state
  }

  /** The id of the user who is logged in. */
  get user(): string | undefined {
    return this.#held?.record.user
  }

  /** What the session holds; empty when there is none. */
  get data(): SessionData {
    return this.#held?.record.data ?? {}
  }

  /** Names the session without opening it, as in the list of a user's sessions; undefined when there is none. */
  get reference(): string | undefined {
    return this.#held && referenceOf(this.#held.id)
  }

  /** Milliseconds since the epoch, by the clock of Redis. */
  get created(): number | undefined {
    return this.#held?.record.created
  }

  /** When it ends however much it is used: milliseconds since the epoch, by the clock of Redis. */
  get ends(): number | undefined {
    return this.#held?.record.ends
  }

  /** False: the store did not answer, so nobody knows who this is. Only where a session is optional. */
  get available(): boolean {
    return this.#state !== 'unavailable'
  }

  /** Replaces the data. An anonymous request gets a session, and its cookie, by this. */
  async save(data: SessionData): Promise<void> {
    if (this.#state === 'unavailable') throw storeUnavailable('the session could not be read')
    const held = this.#held
    if (this.#id !== undefined && (held || this.#state === 'rotated')) {
      if (!(await this.#store.save(this.#id, data))) throw this.#over()
      if (held) this.#state = { id: held.id, record: { ...held.record, data } }
      return
    }
    const begun = await this.#store.begin({ user: undefined, data, agent: this.#agent })
    if (typeof begun === 'string') throw this.#over()
    this.#give(begun)
  }

  /**
   * Begins a session of a user, always with a new id; the one before is over. A login of the user who is logged in already
   * gives a living session another id, and cannot revive one.
   *
   * @param data what it holds; nothing of an earlier session comes along by itself
   * @param options.generation from before the password was checked ({@link Sessions.generation}): the login is then refused
   *   with 409 `SESSION_SUPERSEDED` when the user was logged out everywhere since
   */
  async login(user: string, data: SessionData = {}, options: { generation?: string } = {}): Promise<void> {
    tagOfUser(user)
    // What would be refused must not have ended the session before.
    this.#store.encoded(data)
    const own = this.user === user
    const old = this.#id
    if (old !== undefined && !own) {
      const ended = await this.#store.end(old, true)
      if (ended !== false) this.#state = 'none'
    }
    const begun = await this.#store.begin({
      user,
      data,
      agent: this.#agent,
      generation: options.generation,
      replaces: own ? old : undefined,
    })
    if (begun === 'superseded') throw loginSuperseded()
    if (begun === 'ended') throw this.#over()
    this.#give(begun)
  }

  /** Ends the session, if there is one, and clears its cookie. */
  async logOut(): Promise<void> {
    if (this.#id === undefined) return
    if ((await this.#store.end(this.#id)) === 'rotated') throw this.#over()
    this.#clear()
  }

  /** Ends all sessions of a user on all devices, of this session's own unless told. Resolves to how many were known. */
  async logOutEverywhere(user = this.user): Promise<number> {
    if (user === undefined) {
      await this.logOut()
      return 0
    }
    const own = user === this.user
    const count = await this.#sessions.endAll(user)
    if (own) this.#clear()
    return count
  }

  get #held(): Held | undefined {
    return typeof this.#state === 'string' ? undefined : this.#state
  }

  get #agent(): string {
    return (this.#request.headers['user-agent'] ?? '').slice(0, LONGEST_AGENT)
  }

  #give(begun: Held): void {
    this.#id = begun.id
    this.#state = begun
    this.#cookie.give(this.#reply, begun.id, begun.record.ends - begun.record.created)
  }

  #clear(): void {
    this.#id = undefined
    this.#state = 'none'
    this.#cookie.clear(this.#reply)
  }

  #over(): Error {
    this.#state = 'rotated'
    return challenge(this.#reply, sessionEnded())
  }
}
