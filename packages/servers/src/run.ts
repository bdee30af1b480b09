import { type LeashedCommand, spawnLeashed } from './leash/spawn.ts'

export interface RunResult {
  readonly code: number | null
  /** stdout and stderr, as they came. */
  readonly output: string
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly account?: NonNullable<LeashedCommand['account']>
  readonly stopSignal?: NonNullable<LeashedCommand['stopSignal']>
  /** Ends the command when aborted. */
  readonly signal?: AbortSignal | undefined
  /** How long the command may take, in ms; it is killed then. */
  readonly deadline?: number
}

/** Runs a command to its end and keeps what it said; a command that does not exist has code 127. */
export type Run = (command: string, args: readonly string[], options?: RunOptions) => Promise<RunResult>

/** {@link Run} on the leash: neither the command nor its children outlive this process. */
export const runCommand: Run = async (command, args, { signal, deadline, ...options } = {}) => {
  signal?.throwIfAborted()
  let output = ''
  const merged = ['-c', 'exec "$0" "$@" 2>&1', command, ...args]
  const onStdout = (chunk: Buffer): void => {
    output += chunk.toString()
  }
  const child = await spawnLeashed({ command: 'sh', args: merged, onStdout, ...options })
  const stop = (): void => void child.stop({ graceMs: 5_000 })
  const timer = deadline === undefined ? undefined : setTimeout(() => void child.kill(), deadline)
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  const exit = await child.exited
  clearTimeout(timer)
  signal?.removeEventListener('abort', stop)
  signal?.throwIfAborted()
  return { code: exit.code, output }
}
