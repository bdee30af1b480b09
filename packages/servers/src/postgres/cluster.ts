import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { ServersError } from '../errors.ts'
import { runCommand } from '../run.ts'
import { tailOf } from '../wait.ts'
import { brokenBinaries } from './binaries.ts'
import type { PostgresPlace } from './place.ts'

export const superuser = 'lockstep'

/** The builtin locale sorts and folds Unicode alike on every platform, whatever locales are installed. */
const clusterSettings = [
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--no-instructions',
]

/**
 * Makes the data directory on first use, and gives its password. initdb works in a sibling folder which is renamed
 * at the end, so that one cut short leaves nothing a later start would take for a data directory.
 */
export async function ensureCluster(
  place: PostgresPlace,
  { durable, signal }: { durable: boolean; signal?: AbortSignal | undefined },
): Promise<string> {
  for (const name of readdirSync(place.folder)) {
    if (name.startsWith('partial-')) rmSync(join(place.folder, name), { recursive: true, force: true })
  }
  if (!existsSync(place.dataDir)) await createCluster(place, durable, signal)
  return keptPassword(place)
}

function keptPassword({ passwordFile, dataDir }: PostgresPlace): string {
  if (existsSync(passwordFile)) return readFileSync(passwordFile, 'utf8').trim()
  throw new ServersError(
    'POSTGRES_PASSWORD_LOST',
    `${passwordFile} is gone, and ${dataDir} cannot be opened without it. To begin anew: npm run reset`,
  )
}

async function createCluster(place: PostgresPlace, durable: boolean, signal?: AbortSignal): Promise<void> {
  const { account, folder, binaries } = place
  const partial = mkdtempSync(join(folder, 'partial-'))
  const passwordFile = join(partial, 'password')
  writeFileSync(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  if (account) {
    chownSync(partial, account.uid, account.gid)
    chownSync(passwordFile, account.uid, account.gid)
  }
  const args = ['--pgdata', join(partial, 'data'), '--username', superuser, '--pwfile', passwordFile]
  const options = { cwd: folder, stopSignal: 'SIGINT', signal, ...(account ? { account } : {}) } as const
  const { code, output } = await runCommand(
    binaries.initdb,
    [...args, ...clusterSettings, ...(durable ? [] : ['--no-sync'])],
    options,
  )
  if (code === 126 || code === 127) throw brokenBinaries(binaries.initdb, tailOf(output, 3))
  if (code !== 0) {
    rmSync(partial, { recursive: true, force: true })
    throw new ServersError('POSTGRES_INIT_FAILED', `initdb failed in ${folder}:\n${tailOf(output)}`)
  }
  // The password goes first: a data directory without its password would be lost.
  renameSync(passwordFile, place.passwordFile)
  renameSync(join(partial, 'data'), place.dataDir)
  rmSync(partial, { recursive: true, force: true })
}
