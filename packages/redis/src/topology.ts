import type { Cluster, Redis } from 'ioredis'
import { SLOTS } from './crc16.ts'
import type { Logger } from './port.ts'

/** Which node of a cluster serves which slot, as far as is known; it changes when a slot moves or a replica takes over. */
export class Topology {
  /** How often it has changed since it was first known. */
  changes = 0
  readonly #cluster: Cluster
  readonly #endpoint: string
  readonly #logger: Logger
  readonly #listeners = new Set<() => void>()
  #owners: (string | undefined)[] = []

  constructor(cluster: Cluster, endpoint: string, logger: Logger) {
    this.#cluster = cluster
    this.#endpoint = endpoint
    this.#logger = logger
    cluster.on('refresh', () => this.#compare())
  }

  /** `host:port` of the node that serves this slot. */
  masterOf(slot: number): string | undefined {
    return this.#owners[slot]
  }

  /** `host:port` of each node that serves slots. */
  get masters(): string[] {
    return [...new Set(this.#owners)].filter((owner) => owner !== undefined)
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Asks the nodes anew, because there is reason to believe that something has changed. */
  refresh(): void {
    if (this.#cluster.status !== 'ready') return
    this.#cluster.refreshSlotsCache((error) => {
      // Not one node answers: all may have other addresses by now, so begin again from those in the settings.
      const lost = error?.message === 'Failed to refresh slots cache.'
      if (lost && this.#cluster.status === 'ready') this.#cluster.disconnect(true)
    })
  }

  #compare(): void {
    const { slots } = this.#cluster
    const owners = Array.from({ length: SLOTS }, (_, slot) => slots[slot]?.[0])
    const moved = owners.filter((owner, slot) => owner !== this.#owners[slot]).length
    if (moved === 0) return
    const first = this.#owners.length === 0
    this.#owners = owners
    if (!first) {
      this.changes++
      const details = { endpoint: this.#endpoint, slotsMoved: moved, primaries: this.masters }
      this.#logger.warn(details, 'redis topology changed')
    }
    for (const listener of this.#listeners) listener()
  }
}

/** `host:port` of a node's connection. */
export const addressOf = ({ options }: Redis): string => `${options.host}:${options.port}`
