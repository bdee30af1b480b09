import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { freePort, freePortFrom } from './ports.ts'

const tries = 5

export interface PortWish {
  /** This port and no other; a free one unless given. */
  readonly port?: number
  /** This port when it is free, else the next free one. */
  readonly preferredPort?: number
}

/**
 * Starts a server on the port that is wished for. Between our look at a port and the server's bind another process may
 * take it: then another one is tried, unless it had to be this one.
 *
 * @param start gives the running server, or its log when it did not start
 * @param snatched what the log says when the port was taken
 * @returns the running server, or the log of the last try
 */
export async function onSomePort<R extends object>(
  { port: fixed, preferredPort = 0 }: PortWish,
  snatched: RegExp,
  start: (port: number) => Promise<R | string>,
): Promise<R | string> {
  for (let attempt = 1; ; attempt++) {
    const port = fixed ?? (attempt === 1 ? await freePortFrom(preferredPort) : await freePort())
    const outcome = await start(port)
    const again = typeof outcome === 'string' && snatched.test(outcome)
    if (!again || fixed !== undefined || attempt === tries) return outcome
  }
}

/** Opens a log to append to. `said` is what has been appended since; `close` it when the server has it. */
export function appendedLog(file: string): { output: number; said: () => string; close: () => void } {
  const output = openSync(file, 'a')
  const before = fstatSync(output).size
  return {
    output,
    said: () => readFileSync(file).subarray(before).toString(),
    close: () => closeSync(output),
  }
}
