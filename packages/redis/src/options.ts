import type { RedisSettings } from './settings.ts'

/**
 * The ioredis options for these settings. Nothing is queued while the link is down and nothing is sent twice: a command
 * that cannot be sent now fails now, because whoever waits for it has a database to ask instead.
 *
 * @param random between 0 and 1, spreads the reconnects of a fleet
 */
export function connectionOptions(
  settings: RedisSettings,
  clientName: string,
  random: () => number = Math.random,
  now: () => number = () => performance.now(),
) {
  const address = settings.REDIS_URL ? fromUrl(settings.REDIS_URL) : fromParts(settings)
  const password = address.password ?? settings.REDIS_PASSWORD
  const username = address.username ?? settings.REDIS_USERNAME
  return {
    /** host:port/db, fit for a log: it never holds a password. */
    endpoint: `${address.host}:${address.port}/${address.db}`,
    options: {
      host: address.host,
      port: address.port,
      db: address.db,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(address.tls ? { tls: {} } : {}),
      connectionName: clientName,
      connectTimeout: settings.REDIS_CONNECT_TIMEOUT,
      socketTimeout: settings.REDIS_HEARTBEAT * 2,
      keepAlive: settings.REDIS_KEEP_ALIVE,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      enableAutoPipelining: true,
      lazyConnect: true,
      retryStrategy: (attempt: number) =>
        Math.min(50 * 2 ** Math.min(attempt, 10), settings.REDIS_RETRY_DELAY_MAX) * (0.5 + random() / 2),
      reconnectOnError: onFailover(now),
    },
  }
}

/** The least time between two reconnects to a server that says it is read-only. */
const FAILOVER_PAUSE_MS = 10_000

/**
 * A server that became read-only was demoted: its address may lead to the new primary by now. If it does not, the old one
 * is asked again only after a pause, for its reads still work.
 */
function onFailover(now: () => number): (error: Error) => boolean {
  let last = Number.NEGATIVE_INFINITY
  return (error) => {
    if (!error.message.startsWith('READONLY') || now() - last < FAILOVER_PAUSE_MS) return false
    last = now()
    return true
  }
}

interface Address {
  host: string
  port: number
  db: number
  tls: boolean
  username?: string | undefined
  password?: string | undefined
}

function fromUrl(text: string): Address {
  const url = URL.parse(text)
  const db = url === null ? '' : url.pathname.slice(1)
  if (url === null || url.hostname === '' || !/^\d*$/.test(db)) throw new RedisAddressError()
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
    throw new RedisAddressError()
  }
}

const fromParts = (settings: RedisSettings): Address => ({
  host: settings.REDIS_HOST,
  port: settings.REDIS_PORT,
  db: settings.REDIS_DB,
  tls: settings.REDIS_TLS,
})

/** Says what is wrong with the address without repeating it, since it may hold a password. */
export class RedisAddressError extends Error {
  readonly code = 'LOCKSTEP_REDIS_ADDRESS_INVALID'

  constructor() {
    super('REDIS_URL is not an address like redis://user:password@host:6379/0 (its value is not shown)')
    this.name = 'RedisAddressError'
  }
}
