/** More work waits than is worth waiting for: come back later. */
export class PasswordsBusyError extends Error {
  readonly code = 'PASSWORDS_BUSY'

  constructor(waiting: number) {
    super(`${waiting} passwords wait to be hashed already`)
    this.name = 'PasswordsBusyError'
  }
}

/** Does work, so much at a time; the rest waits in line. */
export type Queue = <T>(work: () => Promise<T>) => Promise<T>

/**
 * A line that is bounded: hashing takes memory and a thread each, and a flood of logins must neither exhaust them nor make
 * everybody wait for longer than clients do.
 *
 * @param options.concurrency how much is done at a time
 * @param options.waiting how many may wait; others are refused with a {@link PasswordsBusyError}
 */
export function createQueue({ concurrency, waiting }: { concurrency: number; waiting: number }): Queue {
  const line: (() => void)[] = []
  let busy = 0
  return async (work) => {
    if (busy < concurrency) busy++
    else if (line.length >= waiting) throw new PasswordsBusyError(line.length)
    else await new Promise<void>((resolve) => void line.push(resolve))
    try {
      return await work()
    } finally {
      const next = line.shift()
      // Whoever is next takes over the place: nobody who comes meanwhile gets it.
      if (next) next()
      else busy--
    }
  }
}
