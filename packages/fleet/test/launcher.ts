import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@lockstep/servers'
import { treeOf, until } from './processes.ts'

const main = fileURLToPath(new URL('./fixtures/main.ts', import.meta.url))
/** The launcher of the real fleet. */
export const realMain = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A folder for a fleet, which the user that root runs Postgres as can reach. */
export function makeHome(): { readonly home: string; readonly remove: () => void } {
  const home = mkdtempSync(join(tmpdir(), 'lockstep-fleet-'))
  chmodSync(home, 0o755)
  return { home, remove: () => rmSync(home, { recursive: true, force: true }) }
}

/** A launcher that runs in its own process, as `npm start` does. */
export class Launcher {
  readonly child: ChildProcess
  output = ''

  constructor(child: ChildProcess) {
    this.child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()))
    }
  }

  static async start(
    home: string,
    args: string[] = [],
    env: NodeJS.ProcessEnv = {},
    entry = main,
  ): Promise<Launcher> {
    const { REDIS_URL: _redis, DATABASE_URL: _database, ...rest } = process.env
    const own = {
      ...rest,
      LOCKSTEP_HOME: home,
      REPLICAS: '2',
      SERVICE_REPLICAS: '1',
      PORT: String(await freePort()),
      ...env,
    }
    const stdio = ['ignore', 'pipe', 'pipe'] as const
    return new Launcher(spawn(process.execPath, [entry, ...args], { env: own, stdio: [...stdio] }))
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  says(what: RegExp | string): Promise<boolean> {
    return until(() => this.output.search(what) >= 0 || this.child.exitCode !== null, 180_000).then(
      () => this.output.search(what) >= 0,
    )
  }

  /** SIGKILL, with nothing started between the look at its descendants and the kill. */
  async crash(): Promise<number[]> {
    this.child.kill('SIGSTOP')
    const tree = treeOf(this.pid)
    this.child.kill('SIGKILL')
    await once(this.child, 'exit')
    return tree
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal)
    return this.ended()
  }

  /** Waits for an end that comes by itself. */
  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit')
    return this.child.exitCode
  }
}
