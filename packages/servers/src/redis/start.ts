import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ServersError } from '../errors.ts'
import { type Leashed, spawnLeashed } from '../leash/spawn.ts'
import type { RunningServer } from '../running.ts'
import { appendedLog, onSomePort, type PortWish } from '../some-port.ts'
import { tailOf, waitUntil } from '../wait.ts'
import { findRedisServer } from './find.ts'
import { answersPing } from './probe.ts'
import type { RedisServer } from './strategy.ts'

export interface RedisOptions extends PortWish {
  /** What to start; {@link findRedisServer} says unless given. */
  readonly server?: RedisServer
  /** More settings for its command line, after ours: `['--maxmemory', '64mb']`. */
  readonly args?: readonly string[]
  /** The snapshot it begins with, as `snapshotOf` gives it; empty unless given. */
  readonly rdb?: Uint8Array
  /** The file its log is appended to; a temporary one unless given. */
  readonly logFile?: string
  /** How long it may take to answer PING, in ms. */
  readonly startDeadline?: number
  /** Gives up the start. Afterwards it means nothing. */
  readonly signal?: AbortSignal | undefined
}

/** It holds nothing on disk: a cache and a bus, not a store. */
const settings = ['--save', '', '--appendonly', 'no', '--daemonize', 'no']
const SNATCHED = /address already in use|port is already allocated|Failed listening on port/i

/** One kind of server, ready to be started on a port. */
export interface Launch {
  /** For people. */
  readonly description: string
  command(port: number): { command: string; args: readonly string[] }
  /** What its log says once it serves. */
  readonly ready: string
}

/**
 * Starts a redis-server on 127.0.0.1 and resolves when it answers PING. It ends when this process does.
 * Throws `REDIS_START_FAILED` with the end of its log, or `ABORTED`.
 */
export async function startRedisServer(options: RedisOptions = {}): Promise<RunningServer> {
  const server = options.server ?? (await findRedisServer({ signal: options.signal }))
  const { args = [], rdb } = options
  const launch = (data: readonly string[]): Launch => ({
    description: server.description,
    command: (port) => server.launch(port, [...settings, ...data, ...args]),
    ready: 'Ready to accept connections',
  })
  const { logFile } = options
  if (logFile !== undefined && rdb === undefined) return startLaunch(launch([]), options, logFile)
  return inScratch((scratch) => {
    if (rdb) writeFileSync(join(scratch, 'dump.rdb'), rdb)
    return startLaunch(launch(rdb ? ['--dir', scratch] : []), options, logFile ?? join(scratch, 'log'))
  })
}

/** Gives a server a folder of its own, which goes when the server does. */
export async function inScratch(start: (scratch: string) => Promise<RunningServer>): Promise<RunningServer> {
  const scratch = mkdtempSync(join(tmpdir(), 'lockstep-redis-'))
  const forget = (): void => rmSync(scratch, { recursive: true, force: true })
  try {
    const running = await start(scratch)
    void running.exited.finally(forget)
    return running
  } catch (error) {
    forget()
    throw error
  }
}

/** Starts it on the port that is wished for. Throws as {@link startRedisServer} does. */
export async function startLaunch(
  launch: Launch,
  options: RedisOptions,
  logFile: string,
): Promise<RunningServer> {
  const outcome = await onSomePort(options, SNATCHED, (port) => startOnPort(launch, port, options, logFile))
  if (typeof outcome !== 'string') return outcome
  throw new ServersError('REDIS_START_FAILED', `${launch.description} did not start:\n${tailOf(outcome)}`)
}

/** The running server, or the log of the one that ended or did not answer in time. */
async function startOnPort(
  launch: Launch,
  port: number,
  { startDeadline = 30_000, signal }: RedisOptions,
  logFile: string,
): Promise<RunningServer | string> {
  const log = appendedLog(logFile)
  let child: Leashed
  try {
    child = await spawnLeashed({
      ...launch.command(port),
      cwd: dirname(logFile),
      output: log.output,
    })
  } finally {
    log.close()
  }
  let ended = false
  void child.exited.then(() => (ended = true))
  // Its own word as well as an answer: on a port snatched from it, another server would answer in its place.
  const ready = async (): Promise<boolean> => log.said().includes(launch.ready) && (await answersPing(port))
  const settled = async (): Promise<boolean> => ended || (await ready())
  if ((await waitUntil(settled, { within: startDeadline, interval: 20, signal })) && !ended) {
    return { ...child, host: '127.0.0.1', port, url: `redis://127.0.0.1:${port}` }
  }
  await child.stop({ graceMs: 2_000 })
  if (signal?.aborted) throw new ServersError('ABORTED', 'the start of redis-server was given up')
  return log.said()
}
