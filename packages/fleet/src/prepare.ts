import { closeSync } from 'node:fs'
import { spawnLeashedNode } from '@lockstep/servers'
import { FleetError } from './errors.ts'
import { openLog, tailOf } from './home.ts'
import { withSmallHeap } from './small-heap.ts'

/**
 * Runs a service's prepare program to its end; resolves with what it did, for people to read: its last line is an object
 * of JSON, such as `{ "migrations": 2, "books": 2000 }`. Throws FLEET_PREPARE_FAILED with the end of its log.
 */
export async function prepare(
  name: string,
  spec: { entry: string; cwd: string; env: NodeJS.ProcessEnv; logFile: string },
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted()
  const output = openLog(spec.logFile)
  let said = ''
  const onStdout = (chunk: Buffer): void => void (said += chunk.toString())
  const { entry, cwd } = spec
  const child = spawnLeashedNode({ entry, cwd, env: withSmallHeap(spec.env), output, onStdout })
  closeSync(output)
  const stop = (): void => void child.stop({ graceMs: 5_000 })
  signal.addEventListener('abort', stop, { once: true })
  const { code } = await child.exited
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  const outcome = code === 0 ? outcomeIn(said) : undefined
  if (outcome !== undefined) return outcome
  throw new FleetError(
    'FLEET_PREPARE_FAILED',
    `${name} could not be prepared:\n${tailOf(spec.logFile) || said}`,
  )
}

function outcomeIn(said: string): string | undefined {
  try {
    const found: unknown = JSON.parse(said.trim().split('\n').at(-1) ?? '')
    if (typeof found !== 'object' || found === null) return undefined
    const counts = Object.entries<unknown>({ ...found }).filter(([, value]) => value !== 0)
    return counts.map(([what, value]) => `${what} ${String(value)}`).join(', ') || 'nothing to do'
  } catch {
    return undefined
  }
}
