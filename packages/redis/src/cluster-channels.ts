import type { Redis } from 'ioredis'
import { type Channels, ConnectionChannels, type Listener } from './channels.ts'
import { slotOf } from './crc16.ts'
import type { Logger } from './port.ts'
import type { Topology } from './topology.ts'

interface Listening {
  readonly channel: string
  readonly sharded: boolean
  readonly listener: Listener
  /** The node it is placed on. */
  at: string | undefined
  heard: boolean
  leave: () => Promise<void>
}

const nothingToLeave = async () => {}

interface Node {
  readonly client: Redis
  readonly channels: ConnectionChannels
}

/**
 * Channels on a cluster, over one subscriber connection a primary: a sharded channel over that of its slot's node, a plain
 * one over that of any. ioredis has subscribers of its own for this; they are not used, because they subscribe anew
 * without telling, so that whatever was published in between would be missed unnoticed, and nobody pings them.
 *
 * When a slot moves or its primary changes, its channel goes down, is subscribed on the other node, and goes up.
 */
export class ClusterChannels implements Channels {
  readonly #topology: Topology
  readonly #open: (address: string) => Redis
  readonly #heartbeat: number
  readonly #logger: Logger
  readonly #nodes = new Map<string, Node>()
  readonly #listenings = new Set<Listening>()
  /** The node over which plain channels are heard. */
  #home: string | undefined
  #ended = false

  /**
   * @param open makes a connection to a node; it is not connected yet
   * @param heartbeat milliseconds between two pings
   */
  constructor(topology: Topology, open: (address: string) => Redis, heartbeat: number, logger: Logger) {
    this.#topology = topology
    this.#open = open
    this.#heartbeat = heartbeat
    this.#logger = logger
    topology.onChange(() => this.#changed())
  }

  listen(channel: string, listener: Listener, { sharded = false } = {}): () => Promise<void> {
    const listening: Listening = {
      channel,
      sharded,
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
    await Promise.all([...this.#nodes.keys()].map((address) => this.#close(address)))
  }

  #changed(): void {
    if (this.#ended) return
    const masters = new Set(this.#topology.masters)
    if (this.#home === undefined || !masters.has(this.#home)) this.#home = this.#topology.masters[0]
    for (const listening of this.#listenings) this.#place(listening)
    for (const address of this.#nodes.keys()) {
      if (!masters.has(address)) void this.#close(address)
    }
  }

  #place(listening: Listening): void {
    const { channel, sharded, listener } = listening
    const address = sharded ? this.#topology.masterOf(slotOf(channel)) : this.#home
    if (address === listening.at || this.#ended) return
    void listening.leave()
    if (listening.heard) {
      listening.heard = false
      listener.down()
    }
    listening.at = address
    listening.leave = nothingToLeave
    if (address === undefined) return
    const told: Listener = {
      up() {
        listening.heard = true
        listener.up()
      },
      down() {
        listening.heard = false
        listener.down()
      },
      message: (payload) => listener.message(payload),
    }
    listening.leave = this.#node(address).channels.listen(channel, told, { sharded })
  }

  #node(address: string): Node {
    const known = this.#nodes.get(address)
    if (known) return known
    const client = this.#open(address)
    const refresh = () => this.#topology.refresh()
    const node = { client, channels: new ConnectionChannels(client, this.#heartbeat, this.#logger, refresh) }
    this.#nodes.set(address, node)
    client.on('close', () => this.#lost(address))
    client.connect().catch(() => {})
    return node
  }

  /** At the loss of a connection and at each attempt in vain: another node may serve by now. */
  #lost(address: string): void {
    if (this.#ended || !this.#nodes.has(address)) return
    this.#topology.refresh()
    if (this.#home !== address) return
    const { masters } = this.#topology
    this.#home = masters[(masters.indexOf(address) + 1) % masters.length]
    for (const listening of this.#listenings) this.#place(listening)
  }

  async #close(address: string): Promise<void> {
    const node = this.#nodes.get(address)
    this.#nodes.delete(address)
    node?.channels.end()
    if (node?.client.status === 'ready') await node.client.quit().catch(() => {})
    node?.client.disconnect()
  }
}
