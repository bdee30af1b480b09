import { Redis } from 'ioredis'
import type { Place } from './address.ts'
import { ConnectionChannels } from './channels.ts'
import { watchConnection } from './events.ts'
import { gatherer } from './gather.ts'
import type { CommandLink, RedisLink } from './link.ts'
import { infoOf, pingAll, quit, scanOf } from './nodes.ts'
import { sentinelOptions, singleOptions } from './options.ts'
import type { Logger } from './port.ts'
import { receivedBy } from './received.ts'
import type { RedisSettings } from './settings.ts'
import { Shards } from './shards.ts'
import { endWhenSilent } from './silence.ts'

type SinglePlace = Extract<Place, { topology: 'single' | 'sentinel' }>

/** A link to one primary: at a known address, or where sentinels say. */
export function openSingle(
  settings: RedisSettings,
  place: SinglePlace,
  name: string,
  logger: Logger,
): RedisLink {
  const { client, endpoint, link, counts, failovers } = openCommands(
    settings,
    place,
    name,
    'commands',
    logger,
  )
  const subscriber = new Redis(optionsFor(settings, place, `${name}:subscriber`).options)
  const subscriberCounts = watchConnection(subscriber, 'subscriber', endpoint, logger)
  endWhenSilent(subscriber, settings.REDIS_HEARTBEAT)
  const channels = new ConnectionChannels(subscriber, logger)
  subscriber.connect().catch(() => {})

  return {
    ...link,
    get available() {
      return link.available
    },
    topology: place.topology,
    endpoint,
    channels,
    publish: (channel, payload) => link.run((redis) => redis.publish(channel, payload)),
    apart: (role) => openCommands(settings, place, `${name}:${role}`, role, logger).link,
    ping: () => pingAll([client], settings.REDIS_HEARTBEAT * 2),
    info: (section) => infoOf([client], section, settings.REDIS_COMMAND_TIMEOUT),
    scan: (match) => scanOf([client], match, settings.REDIS_COMMAND_TIMEOUT),
    counts: () => ({
      commands: { ...counts },
      subscriber: { ...subscriberCounts },
      topologyChanges: failovers(),
    }),
    async close() {
      channels.end()
      await Promise.all([link.close(), quit(subscriber)])
    },
  }
}

/** A connection for commands, behind a breaker. */
function openCommands(
  settings: RedisSettings,
  place: SinglePlace,
  name: string,
  role: string,
  logger: Logger,
) {
  const { endpoint, options } = optionsFor(settings, place, name)
  const client = new Redis(options)
  const counts = watchConnection(client, role, endpoint, logger)
  endWhenSilent(client, settings.REDIS_HEARTBEAT)
  const failovers = countFailovers(client, endpoint, logger)
  const gather = gatherer()
  const shards = new Shards(
    1,
    () => client.ping(),
    settings.REDIS_COMMAND_TIMEOUT,
    () => receivedBy([client]),
  )
  client.on('ready', () => shards.probeNow())
  client.on('close', () => shards.open())
  client.connect().catch(() => {})

  const link: CommandLink = {
    shards: 1,
    get available() {
      return shards.available
    },
    run: (send, shard = 0) =>
      shards.run(() => {
        gather(client.stream)
        return send(client)
      }, shard),
    onAvailable: (listener) => shards.onAvailable(listener),
    whenAvailable: (patience) => shards.whenAvailable(patience),
    async close() {
      shards.end()
      await quit(client)
    },
  }
  return { client, endpoint, link, counts, failovers }
}

const optionsFor = (settings: RedisSettings, place: SinglePlace, clientName: string) =>
  place.topology === 'single'
    ? singleOptions(settings, place.address, clientName)
    : sentinelOptions(settings, place, clientName)

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
