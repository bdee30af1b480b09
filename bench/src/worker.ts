import { type LeashedNode, spawnLeashedNode } from '@lockstep/servers'

/** A process of the benchmark's own that reports in lines of JSON. */
export interface Worker {
  /** What it reports next. @throws when it has ended instead */
  next(): Promise<unknown>
  stop(): Promise<unknown>
}

/** @param file beside this one */
export function startWorker(file: string, args: readonly string[]): Worker {
  const reports: unknown[] = []
  let rest = ''
  let wake: (() => void) | undefined
  let ended = false
  const spec: LeashedNode = {
    entry: new URL(file, import.meta.url).pathname,
    args,
    output: 2,
    onStdout(chunk) {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) reports.push(JSON.parse(line))
      wake?.()
    },
  }
  const child = spawnLeashedNode(spec)
  void child.exited.then(() => {
    ended = true
    wake?.()
  })
  return {
    async next() {
      while (reports.length === 0) {
        if (ended) throw new Error(`${file} has ended`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return reports.shift()
    },
    stop: () => child.stop(),
  }
}

/** In a worker: says something to the process that has started it. */
export const report = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`)

/** A number in what a worker has reported, or was told. */
export function numberIn(what: unknown, field: string): number {
  const value: unknown = typeof what === 'object' && what !== null ? Reflect.get(what, field) : undefined
  if (typeof value !== 'number') throw new TypeError(`there is no number ${field} in ${JSON.stringify(what)}`)
  return value
}

/** The time since the epoch in ms, with fractions: the same in all processes of this machine. */
export const sharedTime = (): number => performance.timeOrigin + performance.now()
