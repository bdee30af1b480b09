import { existsSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { foldersOfPostgres, postgresIn } from '@lockstep/servers'
import { FleetError } from './errors.ts'
import { homeAt } from './home.ts'
import { runningLauncher } from './instance.ts'

/**
 * Removes the data, logs and secrets of a fleet that does not run, and gives what was removed. What was built or compiled
 * stays. Throws FLEET_ALREADY_RUNNING.
 *
 * @param options.secrets false keeps them, as the admin of a database that stays has his password from there
 */
export async function clearHome(folder: string, { secrets = true } = {}): Promise<string[]> {
  const home = homeAt(resolve(folder))
  const pid = (await runningLauncher(home.folder)) ?? (await postgresOf(home.postgres))
  if (pid !== undefined) {
    throw new FleetError(
      'FLEET_ALREADY_RUNNING',
      `The fleet is running (pid ${pid}): stop it before its data are removed. Nothing was removed.`,
    )
  }
  const { logs, addressesFile, secretsFile, adminFile } = home
  const files = [logs, addressesFile, ...(secrets ? [secretsFile, adminFile] : [])]
  const present = [...foldersOfPostgres(home.postgres), ...files].filter((path) => existsSync(path))
  for (const path of present) rmSync(path, { recursive: true, force: true })
  return present
}

async function postgresOf(wished: string): Promise<number | undefined> {
  for (const folder of foldersOfPostgres(wished)) {
    const pid = await postgresIn(join(folder, 'data'))
    if (pid !== undefined) return pid
  }
  return undefined
}
