import { freePort, spawnLeashedNode } from '@lockstep/servers'
import type { Teardown } from './servers.ts'
import { until } from './until.ts'

/** A service of ours in a process of its own. */
export interface ServiceProcess {
  readonly pid: number
  readonly url: string
  /** What it has printed so far. */
  readonly output: () => string
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  /** SIGTERM: it drains. */
  stop(): Promise<unknown>
  /** SIGKILL. */
  kill(): Promise<unknown>
}

/**
 * Starts a service and waits until /readyz says that it is ready.
 *
 * @param entry the file to run, such as `apps/catalog/src/server.ts` resolved by the caller
 * @param env on top of what this process has; PORT is chosen unless given
 */
export async function startService(
  t: Teardown,
  entry: string,
  env: Record<string, string>,
): Promise<ServiceProcess> {
  const port = env['PORT'] ?? String(await freePort())
  const url = `http://127.0.0.1:${port}`
  const printed: string[] = []
  const child = spawnLeashedNode({
    entry,
    env: { ...process.env, HOST: '127.0.0.1', ...env, PORT: port },
    onStdout: (chunk) => printed.push(chunk.toString()),
  })
  t.teardown(() => child.kill())
  const output = () => printed.join('')
  let ended = false
  void child.exited.then(() => {
    ended = true
  })
  await until(
    `${entry} is ready`,
    async () => {
      if (ended) throw new Error(`it ended:\n${output()}`)
      return (await fetch(`${url}/readyz`)).ok
    },
    60_000,
  )
  return {
    pid: child.pid,
    url,
    output,
    exited: child.exited,
    stop: () => child.stop(),
    kill: () => child.kill(),
  }
}
