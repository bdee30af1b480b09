import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { messageOf, ServersError } from '../errors.ts'

/** How a process ended: one of the two is null. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process which ends when this one does, however this one ends. */
export interface Leashed {
  /** The pid of the server itself, not of its leash. */
  readonly pid: number
  readonly exited: Promise<Exit>
  /** Sends the stop signal, after `graceMs` SIGKILL (10 s unless told), and resolves when the process is gone. */
  stop(options?: { graceMs?: number }): Promise<Exit>
  /** SIGKILL, and resolves when the process is gone. */
  kill(): Promise<Exit>
}

export type StopSignal = 'SIGTERM' | 'SIGINT'

interface Surroundings {
  readonly cwd?: string
  /** The whole environment of the process; this process's own unless given. */
  readonly env?: NodeJS.ProcessEnv
  /** Where its stdout and stderr go: a descriptor, which stays the caller's, or nowhere. */
  readonly output?: number | 'ignore'
  /** In place of `output` for stdout. */
  readonly onStdout?: (chunk: Buffer) => void
}

export interface LeashedCommand extends Surroundings {
  readonly command: string
  readonly args: readonly string[]
  /** What ends it in good order; SIGTERM unless given. */
  readonly stopSignal?: StopSignal
  /** How long it may take over that, in ms, when its starter is gone. */
  readonly orphanGrace?: number
  /** The user to run as; only root can choose. */
  readonly account?: { readonly uid: number; readonly gid: number }
}

export interface LeashedNode extends Surroundings {
  /** The file to run, with this process's Node. */
  readonly entry: string
  readonly args?: readonly string[]
}

const leashFile = fileURLToPath(new URL('./leash.sh', import.meta.url))
const preloadUrl = new URL('./preload.mjs', import.meta.url).href
const leashDescriptor = 3
const defaultGrace = 10_000
const stopInterval = 500

/**
 * Starts a command on the leash, in a process group of its own: a Ctrl-C in the terminal does not reach it.
 * Resolves once it runs; a command that does not exist ends at once with code 127, as in a shell.
 */
export async function spawnLeashed(spec: LeashedCommand): Promise<Leashed> {
  const stopSignal = spec.stopSignal ?? 'SIGTERM'
  const graceSeconds = Math.max(1, Math.ceil((spec.orphanGrace ?? defaultGrace) / 1000))
  const args = ['-s', '--', stopSignal.slice(3), String(graceSeconds), spec.command, ...spec.args]
  const account = spec.account ? { uid: spec.account.uid, gid: spec.account.gid } : {}
  const script = openSync(leashFile, 'r')
  let leash: ChildProcess
  try {
    leash = spawnDetached(spec, 'sh', args, script, account)
  } finally {
    closeSync(script)
  }
  const exited = exitOf(leash, true)
  const pid = await Promise.race([serverPid(leash), exited])
  if (typeof pid !== 'number') throw new ServersError('SPAWN_FAILED', `the leash of ${spec.command} broke`)
  return handle(pid, exited, (signal) => {
    if (signal === 'SIGKILL') return killQuietly(pid, signal)
    // Repeated: the first may reach a server that has just been forked and has no handler in place yet.
    const again = setInterval(() => leash.kill(stopSignal), stopInterval)
    void exited.finally(() => clearInterval(again))
    leash.kill(stopSignal)
  })
}

/** Starts a Node program on the leash: it gets SIGTERM when this process is gone. Own process group, as above. */
export function spawnLeashedNode(spec: LeashedNode): Leashed {
  const env = { ...(spec.env ?? process.env), LOCKSTEP_LEASH: String(leashDescriptor) }
  const args = ['--import', preloadUrl, spec.entry, ...(spec.args ?? [])]
  const child = spawnDetached({ ...spec, env }, process.execPath, args, 'ignore', {})
  child.stdio[leashDescriptor]?.on('error', () => {})
  return handle(child.pid ?? 0, exitOf(child, false), (signal) => child.kill(signal))
}

function spawnDetached(
  { cwd, env = process.env, output = 'ignore', onStdout }: Surroundings,
  command: string,
  args: readonly string[],
  stdin: number | 'ignore',
  account: { uid?: number; gid?: number },
): ChildProcess {
  const stdio: SpawnOptions['stdio'] = [stdin, onStdout ? 'pipe' : output, output, 'pipe']
  const child = spawn(command, args, { cwd, env, stdio, detached: true, ...account })
  if (onStdout) child.stdout?.on('data', onStdout)
  return child
}

function handle(pid: number, exited: Promise<Exit>, send: (signal: 'SIGTERM' | 'SIGKILL') => void): Leashed {
  let gone = false
  void exited.then(() => (gone = true))
  const kill = (): Promise<Exit> => {
    // The pid of a process that is gone may be another's by now.
    if (!gone) send('SIGKILL')
    return exited
  }
  return {
    pid,
    exited,
    kill,
    async stop({ graceMs = defaultGrace } = {}) {
      if (!gone) send('SIGTERM')
      const timer = setTimeout(() => void kill(), graceMs)
      const exit = await exited
      clearTimeout(timer)
      return exit
    },
  }
}

/** The line which the leash writes to its end of the descriptor once the server runs. */
function serverPid(leash: ChildProcess): Promise<number> {
  const line = leash.stdio[leashDescriptor]
  return new Promise((resolve) => {
    line?.on('data', (chunk: Buffer | string) => resolve(Number.parseInt(String(chunk), 10)))
    line?.on('error', () => {})
  })
}

/** Resolves when the process is gone and its output has been read; whatever else is in its group is killed. */
function exitOf(child: ChildProcess, shell: boolean): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(
        new ServersError('SPAWN_FAILED', `cannot start ${child.spawnfile}: ${messageOf(cause)}`, { cause }),
      ),
    )
    child.once('exit', () => {
      if (child.pid !== undefined) killQuietly(-child.pid, 'SIGKILL')
    })
    child.once('close', (code, signal) => resolve(shell ? decoded(code, signal) : { code, signal }))
  })
}

/** A shell reports a child ended by signal n as status 128 + n. */
function decoded(code: number | null, signal: NodeJS.Signals | null): Exit {
  if (code === null || code <= 128) return { code, signal }
  const name = signalNames.get(code - 128)
  return name === undefined ? { code, signal } : { code: null, signal: name }
}

const signalNames = new Map<number, NodeJS.Signals>()
for (const name of [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGABRT',
  'SIGKILL',
  'SIGSEGV',
  'SIGBUS',
  'SIGTERM',
] as const) {
  signalNames.set(constants.signals[name], name)
}

function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}
