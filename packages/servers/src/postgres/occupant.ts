import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ServersError } from '../errors.ts'
import { waitUntil } from '../wait.ts'
import { commandLineOf } from './account.ts'

/** The pid of the Postgres that serves this data directory now, if one does. */
export async function postgresIn(dataDir: string): Promise<number | undefined> {
  const file = join(dataDir, 'postmaster.pid')
  if (!existsSync(file)) return undefined
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10)
  if (!Number.isInteger(pid) || pid < 2) return undefined
  // A pid is soon given to another process, and ours names its data directory.
  const commandLine = await commandLineOf(pid)
  return commandLine?.includes(dataDir) ? pid : undefined
}

/**
 * Resolves when no Postgres serves this data directory, having removed what a crashed one left. One whose starter has
 * just died is shutting down: it is given `grace` ms. Throws `POSTGRES_ALREADY_RUNNING` with the pid.
 */
export async function awaitVacancy(dataDir: string, grace: number, signal?: AbortSignal): Promise<void> {
  let occupant: number | undefined
  const vacant = async (): Promise<boolean> => {
    occupant = await postgresIn(dataDir)
    return occupant === undefined
  }
  if (await waitUntil(vacant, { within: grace, interval: 50, signal })) {
    rmSync(join(dataDir, 'postmaster.pid'), { force: true })
    return
  }
  if (signal?.aborted) return
  throw new ServersError(
    'POSTGRES_ALREADY_RUNNING',
    `a Postgres is already running in ${dataDir} (pid ${occupant}). Stop the fleet that started it first`,
  )
}
