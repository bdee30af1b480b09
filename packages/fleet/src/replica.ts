import { closeSync } from 'node:fs'
import { spawnLeashedNode } from '@lockstep/servers'
import { openLog, tailOf } from './home.ts'
import { withSmallHeap } from './small-heap.ts'
import type { Supervised } from './supervisor.ts'

export interface ReplicaSpec {
  readonly name: string
  readonly entry: string
  /** Fixed for the life of the launcher, so that the gateway's list stays true when it is restarted. */
  readonly port: number
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly logFile: string
}

/** A Node program that serves HTTP on loopback and is ready when `GET /readyz` says 200. */
export function replica({ name, entry, port, env, cwd, logFile }: ReplicaSpec): Supervised {
  return {
    name,
    async launch() {
      const output = openLog(logFile)
      try {
        const own = { HOST: '127.0.0.1', PORT: String(port), SERVICE_ID: name }
        return spawnLeashedNode({ entry, cwd, output, env: withSmallHeap({ ...env, ...own }) })
      } finally {
        closeSync(output)
      }
    },
    ready: () => answersOk(`http://127.0.0.1:${port}/readyz`),
    lastWords: () => tailOf(logFile),
  }
}

async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
