import type { Clock } from '@lockstep/redis'

/** The part of a pino logger that this folder writes to. */
export interface Logger {
  warn(details: object, message: string): void
  info(details: object, message: string): void
}

/** Work that is looked for when somebody says that there is some, and now and then in case nobody could. */
export interface Loop {
  readonly start: () => void
  /** There is work: looks now, or once more after the look that is under way. */
  readonly wake: () => void
  /** Looks no more; resolves when the look under way has ended. */
  readonly stop: () => Promise<void>
}

export interface LoopOptions {
  /** What it does, for the log. */
  readonly name: string
  /** Milliseconds between two looks when nobody wakes it. */
  readonly every: number
  /** One look. Resolves to whether there may be more at once. When it rejects, the next look is the one after `every`. */
  readonly pass: () => Promise<boolean>
  readonly logger: Logger
  readonly clock: Pick<Clock, 'after'>
}

/** One look at a time. An error that repeats is logged once, and so is its end. */
export function createLoop({ name, every, pass, logger, clock }: LoopOptions): Loop {
  let state: 'idle' | 'waiting' | 'looking' | 'stopped' = 'idle'
  let woken = false
  let failing = false
  let cancel: (() => void) | undefined
  let looking = Promise.resolve()

  async function look(): Promise<void> {
    state = 'looking'
    do {
      woken = false
      if (await more()) woken = true
    } while (woken && !isStopped())
    if (isStopped()) return
    state = 'waiting'
    cancel = clock.after(every, begin)
  }

  async function more(): Promise<boolean> {
    try {
      const again = await pass()
      if (failing) logger.info({}, `${name} goes on`)
      failing = false
      return again
    } catch (error) {
      if (!failing) logger.warn({ err: error }, `${name} waits`)
      failing = true
      // Whoever woke it meanwhile waits, too: what is away now will be away at once.
      woken = false
      return false
    }
  }

  // Asked by name, for it may change while a look is awaited.
  const isStopped = () => state === 'stopped'

  function begin(): void {
    looking = look()
  }

  return {
    start() {
      if (state === 'idle') begin()
    },
    wake() {
      if (state === 'looking') woken = true
      if (state !== 'waiting') return
      cancel?.()
      begin()
    },
    async stop() {
      state = 'stopped'
      cancel?.()
      await looking
    },
  }
}
