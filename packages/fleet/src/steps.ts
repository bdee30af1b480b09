/** Shows a start step by step: one plain line each, so that it reads the same in a terminal and in a file. */
export interface Steps {
  /** Does one thing and shows its result with the time it took; the result's `done` is what is shown. */
  readonly step: <T>(work: () => Promise<{ done: string; value: T }>) => Promise<T>
  /** A line of what is going on. */
  readonly note: (line: string) => void
}

export function stepsTo(write: (line: string) => void, now: () => number = () => performance.now()): Steps {
  return {
    note: (line) => write(`  ${line}`),
    async step(work) {
      const begun = now()
      const { done, value } = await work()
      write(`✓ ${done} (${((now() - begun) / 1000).toFixed(1)} s)`)
      return value
    },
  }
}
