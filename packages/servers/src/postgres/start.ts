import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf, ServersError } from '../errors.ts'
import { type Leashed, spawnLeashed } from '../leash/spawn.ts'
import type { RunningServer } from '../running.ts'
import { appendedLog, onSomePort, type PortWish } from '../some-port.ts'
import { tailOf, waitUntil } from '../wait.ts'
import { brokenBinaries } from './binaries.ts'
import { ensureCluster, superuser } from './cluster.ts'
import { awaitVacancy } from './occupant.ts'
import { type PostgresPlace, placePostgres } from './place.ts'
import { ensureDatabase } from './probe.ts'

export interface PostgresOptions extends PortWish {
  /** Where its data are kept, made on first use. Without one it is a throwaway: not durable, removed at its end. */
  readonly folder?: string
  /** The database to have; `lockstep` unless given. */
  readonly database?: string
  /** More settings: `{ max_connections: '200' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** The file its log is appended to; `log` in its folder unless given. */
  readonly logFile?: string
  /** How long it may take to accept connections, in ms; recovery after a crash takes its time. */
  readonly startDeadline?: number
  /** How long to wait, in ms, for another Postgres that is just leaving the folder. */
  readonly vacancyGrace?: number
  /** Gives up the start. Afterwards it means nothing. */
  readonly signal?: AbortSignal | undefined
}

export interface RunningPostgres extends RunningServer {
  /** Where the data are: not the wished folder where the user that root runs Postgres as cannot reach that. */
  readonly folder: string
}

const SNATCHED = /address already in use/i

/** Sized for a laptop; connections on loopback alone. */
const ourSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '32MB',
  max_wal_size: '128MB',
  min_wal_size: '32MB',
  jit: 'off',
  max_worker_processes: '2',
  autovacuum_max_workers: '1',
}

const throwawaySettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

/**
 * Starts a Postgres on 127.0.0.1 and resolves when its database accepts connections. It ends, by a fast shutdown,
 * when this process does. Throws a ServersError: `POSTGRES_…` with the end of its log, or `ABORTED`.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<RunningPostgres> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'lockstep-postgres-'))
  const forget = (): void => {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
  }
  try {
    const running = await startIn(await placePostgres(folder), options)
    void running.exited.finally(forget)
    return running
  } catch (error) {
    forget()
    if (options.signal?.aborted) throw new ServersError('ABORTED', 'the start of Postgres was given up')
    throw error
  }
}

async function startIn(place: PostgresPlace, options: PostgresOptions): Promise<RunningPostgres> {
  const { signal, vacancyGrace = 15_000 } = options
  await awaitVacancy(place.dataDir, vacancyGrace, signal)
  const password = await ensureCluster(place, { durable: options.folder !== undefined, signal })
  const outcome = await onSomePort(options, SNATCHED, (port) => startOnPort(place, port, password, options))
  if (typeof outcome !== 'string') return outcome
  throw new ServersError(
    'POSTGRES_START_FAILED',
    `Postgres in ${place.folder} did not start:\n${tailOf(outcome)}`,
  )
}

/** The running server, or the log of the one that ended or was not ready in time. */
async function startOnPort(
  place: PostgresPlace,
  port: number,
  password: string,
  options: PostgresOptions,
): Promise<RunningPostgres | string> {
  const { database = 'lockstep', startDeadline = 60_000, signal } = options
  const log = appendedLog(options.logFile ?? join(place.folder, 'log'))
  let child: Leashed
  try {
    child = await spawnLeashed({
      command: place.binaries.postgres,
      args: ['-D', place.dataDir, '-p', String(port), ...settingsOf(options)],
      cwd: place.folder,
      output: log.output,
      stopSignal: 'SIGINT',
      ...(place.account ? { account: place.account } : {}),
    })
  } finally {
    log.close()
  }
  let code: number | null | undefined
  void child.exited.then((exit) => (code = exit.code))
  const url = (name: string): string => `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`
  // Its own word as well as an answer: on a port snatched from it, another server would answer in its place.
  const ready = async (): Promise<boolean> =>
    log.said().includes('ready to accept connections') && (await ensureDatabase(url('postgres'), database))
  const settled = async (): Promise<boolean> => code !== undefined || (await ready())
  try {
    if ((await waitUntil(settled, { within: startDeadline, interval: 20, signal })) && code === undefined) {
      return { ...child, host: '127.0.0.1', port, url: url(database), folder: place.folder }
    }
  } catch (cause) {
    await child.stop()
    throw new ServersError('POSTGRES_START_FAILED', `Postgres in ${place.folder}: ${messageOf(cause)}`, {
      cause,
    })
  }
  await child.stop()
  if (code === 126 || code === 127) throw brokenBinaries(place.binaries.postgres, tailOf(log.said(), 3))
  return log.said()
}

function settingsOf({ folder, settings }: PostgresOptions): string[] {
  const all = { ...ourSettings, ...(folder === undefined ? throwawaySettings : {}), ...settings }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}
