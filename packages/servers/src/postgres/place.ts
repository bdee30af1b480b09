import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { codeOf } from '../errors.ts'
import { type Account, canUse, postgresAccount } from './account.ts'
import { embeddedBinaries, type PostgresBinaries } from './binaries.ts'

/** Where one Postgres lives and who runs it. */
export interface PostgresPlace {
  /** The folder of everything it keeps: `data/`, `password`. Not the wished one where its user cannot reach that. */
  readonly folder: string
  readonly dataDir: string
  readonly passwordFile: string
  readonly account: Account | undefined
  readonly binaries: PostgresBinaries
}

const shared = '/var/lib/lockstep'

/**
 * Decides where the Postgres wished for in `folder` is kept, and makes that folder. Started by root, Postgres runs as
 * another user; where that user cannot reach the wished folder or the programs (a clone in /root), data go to
 * `/var/lib/lockstep/<hash of the wish>` and the programs are copied to `/var/lib/lockstep`.
 */
export async function placePostgres(folder: string): Promise<PostgresPlace> {
  const [account, binaries] = await Promise.all([postgresAccount(), embeddedBinaries()])
  makeFolder(folder, account)
  if (account === undefined || (await canUse(account, binaries.postgres, folder))) {
    return place(folder, account, binaries)
  }
  const elsewhere = sharedFolderOf(folder)
  mkdirSync(shared, { recursive: true, mode: 0o755 })
  makeFolder(elsewhere, account)
  return place(elsewhere, account, copyOf(binaries))
}

/** The folders which may hold the data of the Postgres wished for in `folder`, for a reset. */
export function foldersOfPostgres(folder: string): string[] {
  return [folder, sharedFolderOf(folder)].filter((path) => existsSync(path))
}

function sharedFolderOf(folder: string): string {
  return join(shared, createHash('sha256').update(folder).digest('hex').slice(0, 12))
}

function place(folder: string, account: Account | undefined, binaries: PostgresBinaries): PostgresPlace {
  return { folder, account, binaries, dataDir: join(folder, 'data'), passwordFile: join(folder, 'password') }
}

function makeFolder(folder: string, account: Account | undefined): void {
  mkdirSync(dirname(folder), { recursive: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (account) chownSync(folder, account.uid, account.gid)
}

/** The whole package, as programs find their libraries beside them; copied once a version, and never half. */
function copyOf(binaries: PostgresBinaries): PostgresBinaries {
  const native = dirname(dirname(binaries.postgres))
  const copy = join(shared, `programs-${versionOf(native)}`)
  if (!existsSync(copy)) {
    for (const name of readdirSync(shared)) removeOldPartial(join(shared, name))
    const partial = mkdtempSync(`${copy}.partial-`)
    cpSync(native, partial, { recursive: true, verbatimSymlinks: true })
    chmodSync(partial, 0o755)
    renameUnlessThere(partial, copy)
  }
  const inCopy = (program: string): string => join(copy, 'bin', basename(program))
  return { postgres: inCopy(binaries.postgres), initdb: inCopy(binaries.initdb) }
}

function versionOf(native: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(native, '../package.json'), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}

/** A copy that was cut short; a young one may still be in the making. */
function removeOldPartial(path: string): void {
  if (!path.includes('.partial-') || Date.now() - statSync(path).mtimeMs < 600_000) return
  rmSync(path, { recursive: true, force: true })
}

function renameUnlessThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error
    rmSync(from, { recursive: true, force: true })
  }
}
