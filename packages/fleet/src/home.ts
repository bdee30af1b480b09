import { existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Addresses of the last start, for tools such as `npm run import` and so that servers get their ports again. It is no
 * lock: it stays when the fleet stops. A Redis or Postgres that the user brought is not in it.
 */
export interface Addresses {
  readonly gatewayUrl?: string
  readonly redisUrl?: string
  /** With its password, so the file is for its owner alone. */
  readonly databaseUrl?: string
  readonly replicas?: readonly { readonly name: string; readonly url: string }[]
}

/** The folder where one fleet keeps what it keeps. */
export interface Home {
  readonly folder: string
  readonly logs: string
  readonly postgres: string
  readonly redis: string
  readonly addressesFile: string
  /** What services sign with, and what makes an admin. */
  readonly secretsFile: string
  /** Those of an admin, for a shell to read. */
  readonly adminFile: string
}

export function homeAt(folder: string): Home {
  return {
    folder,
    logs: join(folder, 'logs'),
    postgres: join(folder, 'postgres'),
    redis: join(folder, 'redis'),
    addressesFile: join(folder, 'fleet.json'),
    secretsFile: join(folder, 'secrets.json'),
    adminFile: join(folder, 'admin.env'),
  }
}

function logFileOf(home: Home, name: string): string {
  return join(home.logs, `${name}.log`)
}

/** Empties the log of a process, as each start of the fleet begins a new one; gives its path. */
export function freshLog(home: Home, name: string): string {
  mkdirSync(home.logs, { recursive: true })
  const file = logFileOf(home, name)
  writeFileSync(file, '')
  return file
}

export function openLog(file: string): number {
  return openSync(file, 'a')
}

/** The last lines of a log, for the message of a failed start. */
export function tailOf(file: string, lines = 15): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n') : ''
}

export function readAddresses(home: Home): Addresses {
  try {
    const found: unknown = JSON.parse(readFileSync(home.addressesFile, 'utf8'))
    return typeof found === 'object' && found !== null ? found : {}
  } catch {
    return {}
  }
}

export function writeAddresses(home: Home, addresses: Addresses): void {
  const partial = `${home.addressesFile}.partial`
  writeFileSync(partial, `${JSON.stringify(addresses, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(partial, home.addressesFile)
}

/** The port of an address of the last start, which a server would like again. */
export function portOf(url: string | undefined): number | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined
  return Number(new URL(url).port) || undefined
}

/** An address as it may be shown: what was given as its password is not. */
export function masked(url: string): string {
  if (!URL.canParse(url)) return '(not shown)'
  const shown = new URL(url)
  if (shown.password !== '') shown.password = '***'
  for (const name of shown.searchParams.keys())
    if (/password/i.test(name)) shown.searchParams.set(name, '***')
  return shown.href
}
