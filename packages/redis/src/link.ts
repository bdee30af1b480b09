import { Redis } from 'ioredis'
import { Breaker } from './breaker.ts'
import { Channels } from './channels.ts'
import { type ConnectionCounts, watchConnection } from './events.ts'
import { connectionOptions } from './options.ts'
import type { Logger, RedisCommands } from './port.ts'
import type { RedisSettings } from './settings.ts'

/** A process's way to Redis: one connection for commands, one to listen, shared by everything in it. */
export interface RedisLink {
  readonly endpoint: string
  /** Whether Redis answers, as far as is known now. */
  readonly available: boolean
  readonly channels: Channels
  /**
   * Sends commands through the breaker.
   *
   * @throws {RedisUnavailableError} at once while Redis is known to be away, or after REDIS_COMMAND_TIMEOUT
   */
  run<T>(commands: (redis: RedisCommands) => Promise<T>): Promise<T>
  /** Calls back each time that Redis answers again, until the returned function is called. */
  onAvailable(listener: () => void): () => void
  /** Waits until Redis answers, for `timeout` milliseconds at most; tells whether it does. A service need not wait. */
  whenAvailable(timeout: number): Promise<boolean>
  /** Asks Redis whether it lives, past the breaker. @throws when it does not answer in time */
  ping(): Promise<void>
  counts(): { commands: ConnectionCounts; subscriber: ConnectionCounts }
  close(): Promise<void>
}

/**
 * Opens the two connections. It neither waits nor fails when Redis is away: the process serves without it, and the link
 * comes to life by itself (requirement C3).
 *
 * @param name shown in CLIENT LIST, such as `catalog-1`
 */
export function openRedis(settings: RedisSettings, name: string, logger: Logger): RedisLink {
  const { options, endpoint } = connectionOptions(settings, name)
  const commands = new Redis(options)
  const subscriber = new Redis({
    ...options,
    connectionName: `${name}:subscriber`,
    enableAutoPipelining: false,
  })
  const commandCounts = watchConnection(commands, 'commands', endpoint, logger)
  const subscriberCounts = watchConnection(subscriber, 'subscriber', endpoint, logger)
  const channels = new Channels(subscriber, settings.REDIS_HEARTBEAT, logger)
  const breaker = new Breaker({
    probe: () => commands.ping(),
    probeEvery: 250,
    timeout: settings.REDIS_COMMAND_TIMEOUT,
  })
  commands.on('ready', () => breaker.probeNow())
  commands.on('close', () => breaker.open())
  for (const client of [commands, subscriber]) client.connect().catch(() => {})

  return {
    endpoint,
    channels,
    get available() {
      return breaker.closed
    },
    run: (send) => breaker.run(() => send(commands)),
    onAvailable: (listener) => breaker.onClosed(listener),
    async whenAvailable(timeout) {
      if (breaker.closed) return true
      const answered = Promise.withResolvers<void>()
      const forget = breaker.onClosed(answered.resolve)
      const timer = setTimeout(answered.resolve, timeout)
      await answered.promise
      clearTimeout(timer)
      forget()
      return breaker.closed
    },
    ping: async () => void (await commands.ping()),
    counts: () => ({ commands: { ...commandCounts }, subscriber: { ...subscriberCounts } }),
    async close() {
      breaker.end()
      channels.end()
      await Promise.all([commands, subscriber].map(quit))
    },
  }
}

/** Says good-bye to a server that listens, and just leaves one that does not. */
async function quit(client: Redis): Promise<void> {
  if (client.status === 'ready') await client.quit().catch(() => {})
  client.disconnect()
}
