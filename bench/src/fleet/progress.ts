/** Shows how far a phase is: on a terminal in one line that is written anew, elsewhere its end alone. */
export interface Progress {
  step(done: number): void
  end(result: string): void
}

const SHORTEST_PAUSE_MS = 100

export function progressOf(what: string, total: number, out: NodeJS.WriteStream = process.stderr): Progress {
  let last = 0
  return {
    step(done) {
      const now = performance.now()
      if (!out.isTTY || now - last < SHORTEST_PAUSE_MS) return
      last = now
      out.write(`\r\u001b[K${what} ${done}/${total} (${Math.floor((100 * done) / total)} %)`)
    },
    end(result) {
      out.write(`${out.isTTY ? '\r\u001b[K' : ''}✓ ${what}: ${result}\n`)
    },
  }
}
