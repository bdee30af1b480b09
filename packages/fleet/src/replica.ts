import { closeSync } from 'node:fs'
import { get } from 'node:http'
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
    ready: () => answersOk(port, '/readyz'),
    lastWords: () => tailOf(logFile),
  }
}

/** Not by `fetch`, whose machinery would cost the launcher 10 MB. */
function answersOk(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: 2_000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.once('timeout', () => request.destroy())
    request.once('error', () => resolve(false))
  })
}
