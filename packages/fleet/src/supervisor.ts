import { type Exit, type Leashed, ServersError } from '@lockstep/servers'
import { FleetError, messageOf } from './errors.ts'

/**
 * Keeps one process of the fleet running.
 *
 * Its life is a loop: launch, wait until it is ready, wait until it ends, wait a little, again. The wait doubles with
 * each life in a row that was short and begins anew after a long one. Only the first start can fail: a process that
 * has never been ready is given up after some crashes, or when it lives and does not get ready in time. After that it
 * is restarted for ever, as what it misses (a database, a port) may come back. `stop` ends the loop at any point of it.
 */
export interface Supervised {
  readonly name: string
  /** Starts it; aborting gives the start up. May reject, which counts as a crash. */
  launch(signal: AbortSignal): Promise<Leashed>
  /** Whether it takes work now. Without this it does as soon as it is launched. */
  ready?(): Promise<boolean>
  /** The end of its log, for the message when it never gets ready. */
  lastWords(): string
}

/** The time, handed in so that tests need not wait. */
export interface Timers {
  /** Milliseconds since some fixed moment. */
  now(): number
  /** Resolves after `ms`, or at once when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface Patience {
  readonly firstBackoff: number
  readonly longestBackoff: number
  /** A life of this many ms was a long one. */
  readonly stableAfter: number
  /** How long the first start may take to be ready, in ms. */
  readonly readyDeadline: number
  readonly crashesBeforeReady: number
  readonly probeInterval: number
}

const usualPatience: Patience = {
  firstBackoff: 200,
  longestBackoff: 10_000,
  stableAfter: 30_000,
  readyDeadline: 180_000,
  crashesBeforeReady: 5,
  probeInterval: 100,
}

export interface Kept {
  readonly name: string
  /** Resolves when it is ready for the first time; rejects with FLEET_NEVER_READY, or when it is stopped before. */
  readonly started: Promise<void>
  /** Ends it in good order: stop signal, SIGKILL after `graceMs`. */
  stop(graceMs?: number): Promise<void>
  /** Ends it at once. */
  kill(): Promise<void>
}

/** How one life of a process ended. */
interface End {
  readonly reason: string
  /** Another try would end the same way. */
  readonly hopeless: boolean
  readonly error?: unknown
}

export function keepRunning(
  process: Supervised,
  report: (line: string) => void,
  timers: Timers = systemTimers,
  patience: Patience = usualPatience,
): Kept {
  const { name } = process
  const over = new AbortController()
  const started = Promise.withResolvers<void>()
  let current: Leashed | undefined
  let wasReady = false

  async function live(): Promise<void> {
    for (let shortLives = 0; ; ) {
      const begun = timers.now()
      const end = await oneLife(begun, shortLives)
      current = undefined
      if (over.signal.aborted) return
      if (timers.now() - begun >= patience.stableAfter) shortLives = 0
      shortLives += 1
      if (!wasReady && (end.hopeless || shortLives >= patience.crashesBeforeReady)) return giveUp(end)
      const backoff = Math.min(patience.firstBackoff * 2 ** (shortLives - 1), patience.longestBackoff)
      report(`${name} ${end.reason}; starting it again in ${backoff} ms (attempt ${shortLives})`)
      await timers.sleep(backoff, over.signal)
      if (over.signal.aborted) return
    }
  }

  async function oneLife(begun: number, attempt: number): Promise<End> {
    let running: Leashed
    try {
      running = await process.launch(over.signal)
    } catch (error) {
      // A server that says why it cannot start has tried what there is to try.
      return { reason: `did not start: ${messageOf(error)}`, hopeless: error instanceof ServersError, error }
    }
    current = running
    if (over.signal.aborted) await running.stop()
    const ended = new AbortController()
    void running.exited.finally(() => ended.abort()).catch(() => {})
    const watching = becomeReady(running, begun, attempt, AbortSignal.any([ended.signal, over.signal]))
    const exit = await running.exited
    if (await watching) return { reason: described(exit, running.pid), hopeless: false }
    return { reason: `was not ready within ${patience.readyDeadline / 1000} s`, hopeless: true }
  }

  /** False when it had to be stopped because it lived and did not get ready. */
  async function becomeReady(
    running: Leashed,
    begun: number,
    attempt: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    while (!(await (process.ready?.() ?? true))) {
      if (signal.aborted) return true
      if (!wasReady && timers.now() - begun >= patience.readyDeadline) {
        await running.stop()
        return false
      }
      await timers.sleep(patience.probeInterval, signal)
    }
    if (signal.aborted) return true
    if (attempt > 0) report(`${name} is back (pid ${running.pid})`)
    wasReady = true
    started.resolve()
    return true
  }

  function giveUp({ reason, hopeless, error }: End): void {
    if (hopeless && error !== undefined) return started.reject(error)
    const words = process.lastWords()
    const said = words === '' ? '' : `\nThe end of its log:\n${words}`
    started.reject(new FleetError('FLEET_NEVER_READY', `${name} ${reason}, and was never ready.${said}`))
  }

  const life = live()
  // Whoever stops it before it is ready does not wait for that any more.
  started.promise.catch(() => {})
  return {
    name,
    started: started.promise,
    async stop(graceMs) {
      over.abort()
      started.reject(over.signal.reason)
      await current?.stop(graceMs === undefined ? {} : { graceMs })
      await life
    },
    async kill() {
      over.abort()
      started.reject(over.signal.reason)
      await current?.kill()
      await life
    },
  }
}

function described({ code, signal }: Exit, pid: number): string {
  return signal === null ? `(pid ${pid}) ended with code ${code}` : `(pid ${pid}) was ended by ${signal}`
}

const systemTimers: Timers = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
      if (signal.aborted) done()
    }),
}
