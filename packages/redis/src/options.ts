import type { Address, HostPort } from './address.ts'
import type { RedisSettings } from './settings.ts'

/**
 * The ioredis options that all connections have. Nothing is queued while the link is down and nothing is sent twice: a
 * command that cannot be sent now fails now, because whoever waits for it has a database to ask instead. Commands are not
 * pipelined by ioredis: it holds back those of a turn until the answers to the turn before are in, and on a Cluster it
 * hands a MOVED that concerns one of them to its caller. Who has many for one turn sends them as
 * one.
 *
 * @param random between 0 and 1, spreads the reconnects of a fleet
 */
export function commonOptions(
  settings: RedisSettings,
  clientName: string,
  random: () => number = Math.random,
) {
  const { REDIS_USERNAME: username, REDIS_PASSWORD: password } = settings
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(settings.REDIS_TLS ? { tls: {} } : {}),
    connectionName: clientName,
    connectTimeout: settings.REDIS_CONNECT_TIMEOUT,
    keepAlive: settings.REDIS_KEEP_ALIVE,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
    // A server that loads its data is asked so often whether it has done so, and its answers show that it lives.
    maxLoadingRetryTime: settings.REDIS_HEARTBEAT,
    retryStrategy: (attempt: number) =>
      Math.min(50 * 2 ** Math.min(attempt, 10), settings.REDIS_RETRY_DELAY_MAX) * (0.5 + random() / 2),
  }
}

/** For one Redis, at one address. */
export function singleOptions(
  settings: RedisSettings,
  address: Address,
  clientName: string,
  random?: () => number,
  now: () => number = () => performance.now(),
) {
  const { username, password, tls, host, port, db } = address
  const { tls: _, ...common } = commonOptions(settings, clientName, random)
  return {
    /** host:port/db, fit for a log: it never holds a password. */
    endpoint: `${host}:${port}/${db}`,
    options: {
      ...common,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(tls ? { tls: {} } : {}),
      host,
      port,
      db,
      reconnectOnError: onFailover(now),
    },
  }
}

/** For the primary that sentinels name; each attempt to connect asks them anew. */
export function sentinelOptions(
  settings: RedisSettings,
  place: { sentinels: readonly HostPort[]; name: string },
  clientName: string,
  now: () => number = () => performance.now(),
) {
  const { REDIS_SENTINEL_PASSWORD: sentinelPassword, REDIS_TLS: tls } = settings
  const common = commonOptions(settings, clientName)
  const hosts = place.sentinels.map(({ host, port }) => `${host}:${port}`).join(',')
  return {
    endpoint: `${place.name}@${hosts}/${settings.REDIS_DB}`,
    options: {
      ...common,
      sentinels: [...place.sentinels],
      name: place.name,
      db: settings.REDIS_DB,
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      ...(tls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
      sentinelRetryStrategy: common.retryStrategy,
      sentinelCommandTimeout: settings.REDIS_CONNECT_TIMEOUT,
      reconnectOnError: onFailover(now),
    },
  }
}

/** The pause before a command is sent again that a cluster put off: TRYAGAIN, CLUSTERDOWN. */
const PUT_OFF_MS = 20
/** How often the nodes are asked who serves what even when nothing seems to have changed. */
const REFRESH_MS = 10_000
/** The longest that one of them may take over it; then the next is asked. */
const REFRESH_TIMEOUT_MS = 500

/** For a Redis Cluster. */
export function clusterOptions(settings: RedisSettings, clientName: string) {
  const { retryStrategy, enableOfflineQueue, lazyConnect, ...redisOptions } = commonOptions(
    settings,
    clientName,
  )
  return {
    redisOptions,
    enableOfflineQueue,
    lazyConnect,
    // A cluster that lacks a master still serves the rest; each shard has its own breaker to tell.
    enableReadyCheck: false,
    clusterRetryStrategy: retryStrategy,
    clusterNodeRetryStrategy: retryStrategy,
    // A command whose connection was lost may have been carried out: it is not sent again.
    retryDelayOnFailover: 0,
    retryDelayOnTryAgain: PUT_OFF_MS,
    retryDelayOnClusterDown: PUT_OFF_MS,
    // One that is put off may come by MOVED, ASK and TRYAGAIN each time, for as long as its caller waits.
    maxRedirections: 16 + 3 * Math.ceil(settings.REDIS_COMMAND_TIMEOUT / PUT_OFF_MS),
    slotsRefreshTimeout: Math.min(settings.REDIS_CONNECT_TIMEOUT, REFRESH_TIMEOUT_MS),
    slotsRefreshInterval: REFRESH_MS,
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
