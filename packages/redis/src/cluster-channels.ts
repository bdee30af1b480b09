import type { Redis } from 'ioredis'
import { type Channels, ConnectionChannels, type Listener, type PatternListener } from './channels.ts'
import { slotOf } from './crc16.ts'
import type { Logger } from './port.ts'
import type { Kind } from './subscriptions.ts'
import type { Topology } from './topology.ts'

/**
 * The slot whose node plain channels are heard over while it can be reached: that of shard 0, where they are published
 * too, so that the number of receivers is that of all processes.
 */
const HOME_SLOT = slotOf('{0}')

interface Listening {
  /** The channel, or the pattern. */
  readonly channel: string
  readonly kind: Kind
  readonly listener: PatternListener
  /** The node it is placed on. */
  at: string | undefined
  heard: boolean
  leave: () => Promise<void>
}

const nothingToLeave = async () => {}

interface Node {
  readonly address: string
  readonly sharded: boolean
  readonly client: Redis
  readonly channels: ConnectionChannels
}

/**
 * Channels on a cluster, over one subscriber connection a primary: a sharded channel over that of its slot's node. Plain
 * ones and patterns share one connection more, to one primary: ioredis takes the end of the last subscription of one kind
 * for the end of both, and would drop what comes for the other. It has subscribers of its own for clusters; they are not
 * used, because they subscribe anew without telling, so that whatever was published in between would be missed unnoticed,
 * and nobody watches them.
 *
 * When a slot moves or its primary changes, its channel goes down, is subscribed on the other node, and goes up.
 */
export class ClusterChannels implements Channels {
  readonly #topology: Topology
  readonly #open: (address: string) => Redis
  readonly #logger: Logger
  readonly #nodes = new Map<string, Node>()
  readonly #listenings = new Set<Listening>()
  /** The node over which plain channels are heard. */
  #home: string | undefined
  /** The node of {@link HOME_SLOT}. */
  #owner: string | undefined
  #ended = false

  /** @param open makes a connection to a node; it is not connected yet */
  constructor(topology: Topology, open: (address: string) => Redis, logger: Logger) {
    this.#topology = topology
    this.#open = open
    this.#logger = logger
    topology.onChange(() => this.#changed())
  }

  listen(channel: string, listener: Listener, { sharded = false } = {}): () => Promise<void> {
    return this.#listen(channel, sharded ? 'sharded' : 'plain', listener)
  }

  listenPattern(pattern: string, listener: PatternListener): () => Promise<void> {
    return this.#listen(pattern, 'pattern', listener)
  }

  async caughtUp(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map(({ channels }) => channels.caughtUp()))
  }

  #listen(channel: string, kind: Kind, listener: PatternListener): () => Promise<void> {
    const listening: Listening = {
      channel,
      kind,
      listener,
      at: undefined,
      heard: false,
      leave: nothingToLeave,
    }
    this.#listenings.add(listening)
    this.#place(listening)
    return async () => {
      this.#listenings.delete(listening)
      await listening.leave()
    }
  }

  async end(): Promise<void> {
    this.#ended = true
    await Promise.all([...this.#nodes.keys()].map((name) => this.#close(name)))
  }

  #changed(): void {
    if (this.#ended) return
    const masters = new Set(this.#topology.masters)
    const owner = this.#topology.masterOf(HOME_SLOT)
    if (owner !== this.#owner || this.#home === undefined || !masters.has(this.#home)) {
      this.#home = owner ?? this.#topology.masters[0]
    }
    this.#owner = owner
    this.#placeAll(masters)
  }

  #placeAll(masters: ReadonlySet<string>): void {
    for (const listening of this.#listenings) this.#place(listening)
    for (const [name, { address, sharded }] of this.#nodes) {
      if (sharded ? !masters.has(address) : address !== this.#home) void this.#close(name)
    }
  }

  #place(listening: Listening): void {
    const { channel, kind, listener } = listening
    const address = kind === 'sharded' ? this.#topology.masterOf(slotOf(channel)) : this.#home
    if (address === listening.at || this.#ended) return
    void listening.leave()
    if (listening.heard) {
      listening.heard = false
      listener.down()
    }
    listening.at = address
    listening.leave = nothingToLeave
    if (address === undefined) return
    const told: PatternListener = {
      up() {
        listening.heard = true
        listener.up()
      },
      down() {
        listening.heard = false
        listener.down()
      },
      message: (payload, from) => listener.message(payload, from),
    }
    listening.leave = this.#node(address, kind === 'sharded').channels.enter(kind, channel, told)
  }

  #node(address: string, sharded: boolean): Node {
    const name = `${address} ${sharded ? 'sharded' : 'plain'}`
    const known = this.#nodes.get(name)
    if (known) return known
    const client = this.#open(address)
    const refresh = () => this.#topology.refresh()
    const channels = new ConnectionChannels(client, this.#logger, refresh)
    const node = { address, sharded, client, channels }
    this.#nodes.set(name, node)
    client.on('close', () => this.#lost(name))
    client.connect().catch(() => {})
    return node
  }

  /** At the loss of a connection and at each attempt in vain: another node may serve by now. */
  #lost(name: string): void {
    const node = this.#nodes.get(name)
    if (this.#ended || !node) return
    this.#topology.refresh()
    if (node.sharded || this.#home !== node.address) return
    const { masters } = this.#topology
    this.#home = masters[(masters.indexOf(node.address) + 1) % masters.length]
    this.#placeAll(new Set(masters))
  }

  async #close(name: string): Promise<void> {
    const node = this.#nodes.get(name)
    this.#nodes.delete(name)
    node?.channels.end()
    if (node?.client.status === 'ready') await node.client.quit().catch(() => {})
    node?.client.disconnect()
  }
}
