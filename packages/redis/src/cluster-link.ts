import { Cluster, Redis } from 'ioredis'
import type { HostPort } from './address.ts'
import { ClusterChannels } from './cluster-channels.ts'
import { slotOf } from './crc16.ts'
import { noCounts, watchConnection } from './events.ts'
import { keySpace } from './keys.ts'
import type { CommandLink, RedisLink } from './link.ts'
import { infoOf, pingAll, quit, scanOf } from './nodes.ts'
import { clusterOptions, commonOptions } from './options.ts'
import type { Logger } from './port.ts'
import { receivedBy } from './received.ts'
import { loadScript, runScript } from './script.ts'
import type { RedisSettings } from './settings.ts'
import { Shards } from './shards.ts'
import { endWhenSilent } from './silence.ts'
import { addressOf, Topology } from './topology.ts'

/** How many shards the keys of an instance are in: each is one slot, so they spread over up to as many nodes. */
const SHARDS = 16

const publish = loadScript(new URL('./lua/publish.lua', import.meta.url), Number)

/**
 * A link to a Redis Cluster: one connection for commands and one to listen a primary, a breaker a shard. Replicas are not
 * connected to, since nothing is read from them.
 */
export function openCluster(
  settings: RedisSettings,
  nodes: readonly HostPort[],
  name: string,
  logger: Logger,
): RedisLink {
  const endpoint = `cluster@${nodes.map(({ host, port }) => `${host}:${port}`).join(',')}`
  const open = (clientName: string, role: string) =>
    openCommands({ settings, nodes, endpoint, name: clientName, role, logger })
  const { cluster, topology, link, counts } = open(name, 'commands')
  const subscriberCounts = noCounts()
  const timeout = settings.REDIS_COMMAND_TIMEOUT
  const head = keySpace(settings.KEY_PREFIX, SHARDS).head(0)

  const listen = (address: string): Redis => {
    const colon = address.lastIndexOf(':')
    const client = new Redis({
      ...commonOptions(settings, `${name}:subscriber`),
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
    })
    watchConnection(client, 'subscriber', address, logger, subscriberCounts)
    endWhenSilent(client, settings.REDIS_HEARTBEAT)
    return client
  }
  const channels = new ClusterChannels(topology, listen, logger)

  return {
    ...link,
    get available() {
      return link.available
    },
    topology: 'cluster',
    endpoint,
    channels,
    publish: (channel, payload) => link.run((redis) => runScript(redis, publish, [head], [channel, payload])),
    apart: (role) => open(`${name}:${role}`, role).link,
    ping: () => pingAll(cluster.nodes('master'), settings.REDIS_HEARTBEAT * 2),
    info: (section) => infoOf(cluster.nodes('master'), section, timeout),
    scan: (match) => scanOf(cluster.nodes('master'), match, timeout),
    counts: () => ({
      commands: { ...counts },
      subscriber: { ...subscriberCounts },
      topologyChanges: topology.changes,
    }),
    async close() {
      await channels.end()
      await link.close()
    },
  }
}

/** A connection for commands to each primary, behind a breaker a shard. */
function openCommands(of: {
  settings: RedisSettings
  nodes: readonly HostPort[]
  endpoint: string
  name: string
  role: string
  logger: Logger
}) {
  const { settings, nodes, endpoint, name, role, logger } = of
  const cluster = new Cluster([...nodes], clusterOptions(settings, name))
  const topology = new Topology(cluster, endpoint, logger)
  const keys = keySpace(settings.KEY_PREFIX, SHARDS)
  const heads = Array.from({ length: SHARDS }, (_, shard) => keys.head(shard))
  const slots = heads.map(slotOf)
  const shards = new Shards(
    SHARDS,
    (shard) => probe(heads[shard] ?? ''),
    settings.REDIS_COMMAND_TIMEOUT,
    () => receivedBy(cluster.nodes('master')),
  )
  const counts = noCounts()

  async function probe(head: string): Promise<void> {
    try {
      await cluster.exists(head)
    } catch (error) {
      topology.refresh()
      throw error
    }
  }

  cluster.on('+node', (node: Redis) => {
    minded(node)
    watchConnection(node, role, addressOf(node), logger, counts)
    endWhenSilent(node, settings.REDIS_HEARTBEAT)
    node.on('ready', () => shards.probeNow())
    node.on('close', () => {
      shards.open((shard) => topology.masterOf(slots[shard] ?? 0) === addressOf(node))
      topology.refresh()
    })
  })
  topology.onChange(() => {
    // Before someone waits for it: a replica that was promoted, or a node that was added.
    for (const node of cluster.nodes('master')) if (node.status === 'wait') node.connect().catch(() => {})
    shards.probeNow()
  })
  reportOutage(cluster, { role, endpoint }, logger, () => counts.errors++)
  cluster.connect().catch(() => {})

  const link: CommandLink = {
    shards: SHARDS,
    get available() {
      return shards.available
    },
    run: (send, shard = 0) => shards.run(() => send(cluster), shard),
    onAvailable: (listener) => shards.onAvailable(listener),
    whenAvailable: (patience) => shards.whenAvailable(patience),
    async close() {
      shards.end()
      await Promise.all(cluster.nodes().map(quit))
      cluster.disconnect()
    },
  }
  return { cluster, topology, link, counts }
}

/** ioredis sends ASKING and forgets it; were the connection lost then, its rejection would end the process. */
function minded(node: Redis): void {
  const asking = node.asking.bind(node)
  node.asking = (...callback) => {
    const sent = asking(...callback)
    sent.catch(() => {})
    return sent
  }
}

/** Not one node answers: logged once, until some do again (requirement C4). */
function reportOutage(cluster: Cluster, of: object, logger: Logger, count: () => void): void {
  let reported = false
  cluster.on('error', (error: Error) => {
    count()
    if (reported) return
    reported = true
    logger.warn({ ...of, reason: error.message }, 'redis connection error')
  })
  cluster.on('ready', () => {
    reported = false
  })
}
