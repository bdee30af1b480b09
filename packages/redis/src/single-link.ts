import { Redis } from 'ioredis'
import type { Place } from './address.ts'
import { ConnectionChannels } from './channels.ts'
import { watchConnection } from './events.ts'
import { gatherer } from './gather.ts'
import type { RedisLink } from './link.ts'
import { infoOf, pingAll, quit, scanOf } from './nodes.ts'
import { sentinelOptions, singleOptions } from './options.ts'
import type { Logger } from './port.ts'
import { receivedBy } from './received.ts'
import type { RedisSettings } from './settings.ts'
import { Shards } from './shards.ts'

/** A link to one primary: at a known address, or where sentinels say. */
export function openSingle(
  settings: RedisSettings,
  place: Extract<Place, { topology: 'single' | 'sentinel' }>,
  name: string,
  logger: Logger,
): RedisLink {
  const open = (clientName: string) =>
    place.topology === 'single'
      ? singleOptions(settings, place.address, clientName)
      : sentinelOptions(settings, place, clientName)
  const { endpoint, options } = open(name)
  const commands = new Redis(options)
  const subscriber = new Redis(open(`${name}:subscriber`).options)
  const commandCounts = watchConnection(commands, 'commands', endpoint, logger)
  const subscriberCounts = watchConnection(subscriber, 'subscriber', endpoint, logger)
  const failovers = countFailovers(commands, endpoint, logger)
  const channels = new ConnectionChannels(subscriber, settings.REDIS_HEARTBEAT, logger)
  const gather = gatherer()
  const timeout = settings.REDIS_COMMAND_TIMEOUT
  const shards = new Shards(
    1,
    () => commands.ping(),
    timeout,
    () => receivedBy([commands]),
  )
  commands.on('ready', () => shards.probeNow())
  commands.on('close', () => shards.open())
  for (const client of [commands, subscriber]) client.connect().catch(() => {})

  return {
    topology: place.topology,
    shards: 1,
    endpoint,
    channels,
    get available() {
      return shards.available
    },
    run: (send, shard = 0) =>
      shards.run(() => {
        gather(commands.stream)
        return send(commands)
      }, shard),
    onAvailable: (listener) => shards.onAvailable(listener),
    whenAvailable: (patience) => shards.whenAvailable(patience),
    ping: () => pingAll([commands], settings.REDIS_HEARTBEAT * 2),
    info: (section) => infoOf([commands], section, timeout),
    scan: (match) => scanOf([commands], match, timeout),
    counts: () => ({
      commands: { ...commandCounts },
      subscriber: { ...subscriberCounts },
      topologyChanges: failovers(),
    }),
    async close() {
      shards.end()
      channels.end()
      await Promise.all([commands, subscriber].map(quit))
    },
  }
}

/** Logs once when the connection leads to another server than before, and counts it (requirement C4). */
function countFailovers(client: Redis, endpoint: string, logger: Logger): () => number {
  let failovers = 0
  let known: string | undefined
  client.on('ready', () => {
    const { remoteAddress, remotePort } = client.stream
    const primary = `${remoteAddress}:${remotePort}`
    if (known !== undefined && primary !== known) {
      failovers++
      logger.warn({ endpoint, from: known, to: primary }, 'redis topology changed')
    }
    known = primary
  })
  return () => failovers
}
