import type { RedisSettings } from './settings.ts'

export interface HostPort {
  readonly host: string
  readonly port: number
}

export interface Address extends HostPort {
  readonly db: number
  readonly tls: boolean
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** Where Redis is. */
export type Place =
  | { readonly topology: 'single'; readonly address: Address }
  | { readonly topology: 'sentinel'; readonly sentinels: readonly HostPort[]; readonly name: string }
  | { readonly topology: 'cluster'; readonly nodes: readonly HostPort[] }

/**
 * Where these settings say that Redis is.
 *
 * @throws {RedisAddressError} for an address that is none
 * @throws {RedisSettingsError} for settings that contradict each other
 */
export function placeOf(settings: RedisSettings): Place {
  const { REDIS_URL, REDIS_SENTINELS, REDIS_SENTINEL_NAME, REDIS_CLUSTER_NODES } = settings
  const given = Object.entries({ REDIS_URL, REDIS_SENTINELS, REDIS_CLUSTER_NODES })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name)
  if (given.length > 1) {
    throw new RedisSettingsError(`${given.join(' and ')} each say where Redis is: keep one of them`)
  }
  if (REDIS_SENTINELS === undefined) refuseSentinelSettings(settings)
  if (REDIS_SENTINELS !== undefined) {
    if (REDIS_SENTINEL_NAME === undefined) {
      throw new RedisSettingsError(
        'REDIS_SENTINELS needs REDIS_SENTINEL_NAME: the name behind `sentinel monitor` in their configuration',
      )
    }
    const sentinels = hostsIn('REDIS_SENTINELS', REDIS_SENTINELS)
    return { topology: 'sentinel', sentinels, name: REDIS_SENTINEL_NAME }
  }
  if (REDIS_CLUSTER_NODES !== undefined) {
    if (settings.REDIS_DB !== 0) {
      throw new RedisSettingsError('REDIS_CLUSTER_NODES allows no REDIS_DB but 0: a cluster has one database')
    }
    return { topology: 'cluster', nodes: hostsIn('REDIS_CLUSTER_NODES', REDIS_CLUSTER_NODES) }
  }
  return { topology: 'single', address: REDIS_URL === undefined ? fromParts(settings) : fromUrl(REDIS_URL) }
}

function refuseSentinelSettings(settings: RedisSettings): void {
  for (const name of ['REDIS_SENTINEL_NAME', 'REDIS_SENTINEL_PASSWORD'] as const) {
    if (settings[name] === undefined) continue
    throw new RedisSettingsError(`${name} means nothing without REDIS_SENTINELS: set that, or remove it`)
  }
}

function hostsIn(setting: string, text: string): HostPort[] {
  return text.split(',').map((entry) => {
    const colon = entry.lastIndexOf(':')
    const host = entry.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
    const port = Number(entry.slice(colon + 1))
    if (host === '' || !(port >= 1 && port <= 65_535))
      throw new RedisAddressError(setting, 'host:6379,host:6380')
    return { host, port }
  })
}

function fromUrl(text: string): Address {
  const url = URL.parse(text)
  const db = url === null ? '' : url.pathname.slice(1)
  if (url === null || url.hostname === '' || !/^\d*$/.test(db)) throw urlError()
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 6379),
    db: Number(db),
    tls: url.protocol === 'rediss:',
    username: decoded(url.username),
    password: decoded(url.password),
  }
}

function decoded(text: string): string | undefined {
  if (text === '') return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    throw urlError()
  }
}

const fromParts = (settings: RedisSettings): Address => ({
  host: settings.REDIS_HOST,
  port: settings.REDIS_PORT,
  db: settings.REDIS_DB,
  tls: settings.REDIS_TLS,
})

const urlError = () => new RedisAddressError('REDIS_URL', 'redis://user:password@host:6379/0')

/** Says what is wrong with the address without repeating it, since it may hold a password. */
export class RedisAddressError extends Error {
  readonly code = 'LOCKSTEP_REDIS_ADDRESS_INVALID'

  constructor(setting: string, example: string) {
    super(`${setting} is not an address like ${example} (its value is not shown)`)
    this.name = 'RedisAddressError'
  }
}

/** Settings that contradict each other; the message names them. */
export class RedisSettingsError extends Error {
  readonly code = 'LOCKSTEP_REDIS_SETTINGS_CONFLICT'

  constructor(message: string) {
    super(message)
    this.name = 'RedisSettingsError'
  }
}
