/** A function that calls back once after a number of milliseconds, and returns how to cancel it. */
export type After = (ms: number, action: () => void) => () => void

/** A timer that does not keep the process alive. Past 24.8 days, which is as far as Node's timers go, it is due then. */
export const after: After = (ms, action) => {
  const timer = setTimeout(action, Math.min(ms, 2 ** 31 - 1))
  timer.unref()
  return () => clearTimeout(timer)
}

/** Redis is known to be away, and nothing was sent; or it has just been found out, and the cause says how. */
export class RedisUnavailableError extends Error {
  readonly code = 'LOCKSTEP_REDIS_UNAVAILABLE'

  constructor(options?: ErrorOptions) {
    super('Redis does not answer', options)
    this.name = 'RedisUnavailableError'
  }
}

/** How many times its timeout a command may take while something comes in. */
const MAX_WAITS = 10

/** The commands of this part of the timeout share one deadline, and so one timer: the last of them waits so much less. */
const SHARED = 1 / 8

interface Deadline {
  /** Until when commands may join it. */
  readonly open: number
  /** Of each command that it still matters to: tells it that time is up. */
  readonly waiting: Set<(late: Error) => void>
  /** How many bytes had come in when the last of them was sent, or when they were looked at last. */
  received: number
}

/**
 * Keeps requests away from a Redis that does not answer. The first command to find out waits for its timeout; from then
 * on every command fails at once, and a probe in the background, never a request, finds out when Redis is back. (The
 * circuit breakers on npm let a caller's request be the probe, which would cost one read in each period its timeout.)
 *
 * An error that Redis itself answered with is not an absence: it passes through and changes nothing. Some answers only say
 * that the data are not to be had here and now, as in a failover; they count as an absence. See {@link verdictOn}.
 */
export class Breaker {
  #closed = false
  #deadline: Deadline | undefined
  #cancelProbe: (() => void) | undefined
  #ended = false
  readonly #probe: () => Promise<unknown>
  readonly #probeEvery: number
  readonly #timeout: number
  readonly #received: () => number
  readonly #after: After
  readonly #now: () => number
  readonly #whenClosed = new Set<() => void>()

  /**
   * @param options.probe a harmless command, sent while the breaker is open
   * @param options.probeEvery milliseconds between two probes
   * @param options.timeout milliseconds that a command may take, at most; at least seven eighths of that
   * @param options.received how many bytes have come in: while they do, Redis is not away
   */
  constructor(options: {
    probe: () => Promise<unknown>
    probeEvery: number
    timeout: number
    received?: () => number
    after?: After
    now?: () => number
  }) {
    this.#probe = options.probe
    this.#probeEvery = options.probeEvery
    this.#timeout = options.timeout
    this.#received = options.received ?? (() => 0)
    this.#after = options.after ?? after
    this.#now = options.now ?? (() => performance.now())
  }

  /** Whether commands are sent. It begins open, until the first probe is answered. */
  get closed(): boolean {
    return this.#closed
  }

  /** Calls back each time that Redis is found to answer again, until the returned function is called. */
  onClosed(listener: () => void): () => void {
    this.#whenClosed.add(listener)
    return () => void this.#whenClosed.delete(listener)
  }

  /** @throws {RedisUnavailableError} at once while Redis is known to be away, or when this command finds it so */
  run<T>(command: () => Promise<T>): Promise<T> {
    if (!this.#closed) return Promise.reject(new RedisUnavailableError())
    return this.#inTime(command, this.#judged)
  }

  /** What whoever sent the command gets for its error. */
  readonly #judged = (error: unknown): unknown => {
    const verdict = verdictOn(error)
    if (verdict === 'answer') return error
    if (verdict === 'away') this.open()
    return new RedisUnavailableError({ cause: error })
  }

  /** Stops sending; the next probe is due after the usual pause. */
  open(): void {
    this.#closed = false
    this.#schedule()
  }

  /** Asks now, because there is reason to believe that Redis is back. */
  probeNow(): void {
    this.#cancelProbe?.()
    this.#cancelProbe = undefined
    if (this.#closed || this.#ended) return
    this.#inTime(this.#probe, (error) => error).then(
      () => this.#close(),
      () => this.#schedule(),
    )
  }

  end(): void {
    this.#ended = true
    this.#closed = false
    this.#cancelProbe?.()
  }

  /** Every command comes this way, so it makes one promise and leaves nothing behind that would outlive the answer. */
  #inTime<T>(command: () => Promise<T>, judged: (error: unknown) => unknown): Promise<T> {
    const deadline = this.#joined()
    const { waiting } = deadline
    deadline.received = this.#received()
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        if (waiting.delete(fail)) reject(judged(error))
      }
      waiting.add(fail)
      const answered = (reply: T) => {
        waiting.delete(fail)
        resolve(reply)
      }
      try {
        command().then(answered, fail)
      } catch (error) {
        fail(error)
      }
    })
  }

  /**
   * The end of patience for all commands of a short while: one timer, however many they are.
   *
   * A process that was itself held up finds timers due before it finds the answers that have long arrived; so when time
   * is up, the sockets are read once more before Redis gets the blame. Nor is it away while a large answer is coming in: it
   * gets as much time again, up to `MAX_WAITS` times in all.
   */
  #joined(): Deadline {
    const now = this.#now()
    if (this.#deadline && now < this.#deadline.open) return this.#deadline
    const deadline: Deadline = { open: now + this.#timeout * SHARED, waiting: new Set(), received: 0 }
    const wait = (left: number) => {
      this.#after(this.#timeout, () => {
        if (deadline.waiting.size === 0) return
        setImmediate(() => {
          const { received } = deadline
          deadline.received = this.#received()
          if (deadline.received > received && left > 1) return wait(left - 1)
          const late = new Error(`no answer within ${this.#timeout} ms`)
          for (const fail of deadline.waiting) fail(late)
        })
      })
    }
    wait(MAX_WAITS)
    this.#deadline = deadline
    return deadline
  }

  #schedule(): void {
    if (this.#ended || this.#cancelProbe !== undefined) return
    this.#cancelProbe = this.#after(this.#probeEvery, () => this.probeNow())
  }

  #close(): void {
    if (this.#ended) return
    this.#closed = true
    for (const listener of this.#whenClosed) listener()
  }
}

/** The server as a whole has no data to give now: it loads them, or has lost its primary or its cluster. */
const AWAY = /^(?:LOADING|MASTERDOWN|CLUSTERDOWN) /
/**
 * This command finds no taker now: a slot is moving, a primary was demoted, or has too few replicas for a write, or a disk
 * that it cannot write to; or somebody's script is running for too long.
 */
const NOT_NOW = /^(?:TRYAGAIN|READONLY|NOREPLICAS|MISCONF|BUSY) /

/**
 * ioredis names an error that the server sent `ReplyError`; all others come from the connection, but for those that tell
 * of a mistake in the caller's own code.
 */
function verdictOn(error: unknown): 'answer' | 'away' | 'not now' {
  if (error instanceof TypeError || error instanceof RangeError) return 'answer'
  if (!(error instanceof Error) || error.name !== 'ReplyError' || AWAY.test(error.message)) return 'away'
  return NOT_NOW.test(error.message) ? 'not now' : 'answer'
}
