import { systemClock } from '@lockstep/redis'
import { Connection, type Terms } from './connection.ts'
import type { Feeds } from './feed.ts'
import type { Permit } from './permit.ts'

/** How long clients may take to read the rest when the replica stops. */
const FAREWELL_MS = 1000

export interface HubOptions extends Terms {
  readonly poll: number
  readonly most: number
  readonly mostOfUser: number
}

/** A feed that is open, or why it is not: the replica, or the user, has as many as may be. */
export type Opened = Connection | 'full' | 'too many'

/** The feeds that are open on this replica, by user. One timer looks after all of them. */
export class Hub {
  readonly #feeds: Feeds
  readonly #options: HubOptions
  readonly #users = new Map<string, Set<Connection>>()
  readonly #timer: NodeJS.Timeout
  #size = 0
  #closed = false

  constructor(feeds: Feeds, options: HubOptions) {
    this.#feeds = feeds
    this.#options = options
    this.#timer = setInterval(
      () => this.#each((connection) => connection.tend(systemClock.wall())),
      options.poll,
    )
    this.#timer.unref()
  }

  get size(): number {
    return this.#size
  }

  /**
   * Opens a feed. It is known here before it reads for the first time, so that no message falls between.
   *
   * @param place the last that the client has; undefined: it wants what comes from now on
   */
  open(permit: Permit, place: string | undefined): Opened {
    const mine = this.#users.get(permit.user) ?? new Set()
    if (mine.size >= this.#options.mostOfUser) return 'too many'
    if (this.#size >= this.#options.most) return 'full'
    const connection = new Connection(this.#feeds, permit, place, this.#options, systemClock.now)
    this.#users.set(permit.user, mine.add(connection))
    this.#size++
    connection.stream.once('close', () => this.#forget(connection))
    // A replica that has stopped lets the client come back elsewhere: any other answer would end an EventSource for good.
    if (this.#closed) connection.end()
    return connection
  }

  /** There may be something new for a user. */
  wake(user: string): void {
    for (const connection of this.#users.get(user) ?? []) connection.wake()
  }

  /** Messages may have been missed. */
  wakeAll(): void {
    this.#each((connection) => connection.wake())
  }

  /** Sessions or tokens of a user have ended; of anybody, when no user is given. */
  check(user?: string): void {
    this.#each((connection) => {
      if (user === undefined || connection.permit.user === user) void connection.check()
    })
  }

  /** Ends all feeds; their clients come back, to another replica, and go on where they were. */
  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.#each((connection) => connection.end())
    setTimeout(() => this.#each(({ stream }) => stream.destroy()), FAREWELL_MS).unref()
  }

  #each(action: (connection: Connection) => void): void {
    for (const connections of this.#users.values()) connections.forEach(action)
  }

  #forget(connection: Connection): void {
    const { user } = connection.permit
    const mine = this.#users.get(user)
    if (!mine?.delete(connection)) return
    this.#size--
    if (mine.size === 0) this.#users.delete(user)
  }
}
