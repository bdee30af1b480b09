import { closeSync } from 'node:fs'
import { spawnLeashedNode } from '@lockstep/servers'
import { FleetError } from './errors.ts'
import { openLog, tailOf } from './home.ts'
import { withSmallHeap } from './small-heap.ts'

/** What a service's prepare program said that it did. */
export interface Prepared {
  readonly migrations: number
  readonly books: number
  readonly loaded: number
}

/** Runs a service's prepare program to its end. Throws FLEET_PREPARE_FAILED with the end of its log. */
export async function prepare(
  name: string,
  spec: { entry: string; cwd: string; env: NodeJS.ProcessEnv; logFile: string },
  signal: AbortSignal,
): Promise<Prepared> {
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
  const prepared = code === 0 ? parsed(said) : undefined
  if (prepared) return prepared
  throw new FleetError(
    'FLEET_PREPARE_FAILED',
    `${name} could not be prepared:\n${tailOf(spec.logFile) || said}`,
  )
}

function parsed(said: string): Prepared | undefined {
  try {
    const found: unknown = JSON.parse(said.trim().split('\n').at(-1) ?? '')
    if (typeof found !== 'object' || found === null) return undefined
    const { migrations, books, loaded }: Record<string, unknown> = { ...found }
    return { migrations: Number(migrations ?? 0), books: Number(books ?? 0), loaded: Number(loaded ?? 0) }
  } catch {
    return undefined
  }
}
