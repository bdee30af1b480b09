import type { Redis } from 'ioredis'
import type { Logger } from './port.ts'
import { Subscriptions } from './subscriptions.ts'

/** Someone who listens on a channel. */
export interface Listener {
  /** The channel is heard from now on. Whatever was published before has been missed. */
  up(): void
  /** The channel is no longer heard. */
  down(): void
  message(payload: string): void
}

/**
 * The channels that a process listens on. Pub/sub keeps nothing for those who are away, so each listener is told when its
 * channel is heard and when it is not; what that means is the listener's business.
 */
export interface Channels {
  /**
   * Listens until the returned function is called.
   *
   * @param options.sharded for a channel that is published to with SPUBLISH
   */
  listen(channel: string, listener: Listener, options?: { sharded?: boolean }): () => Promise<void>
}

/**
 * Channels over one subscriber connection (requirement C1).
 *
 * A link that died without a word looks like silence. So the connection is pinged, and ended by its socket timeout when
 * no answer comes.
 */
export class ConnectionChannels implements Channels {
  readonly #plain: Subscriptions
  readonly #sharded: Subscriptions
  readonly #heartbeat: NodeJS.Timeout

  /**
   * @param heartbeat milliseconds between two pings
   * @param onMoved called when a sharded channel turns out to belong to another node
   */
  constructor(client: Redis, heartbeat: number, logger: Logger, onMoved: () => void = () => {}) {
    this.#plain = new Subscriptions(client, 'plain', logger, onMoved)
    this.#sharded = new Subscriptions(client, 'sharded', logger, onMoved)
    this.#heartbeat = setInterval(() => {
      if (client.status === 'ready') client.ping().catch(() => {})
    }, heartbeat)
    this.#heartbeat.unref()
  }

  listen(channel: string, listener: Listener, { sharded = false } = {}): () => Promise<void> {
    return (sharded ? this.#sharded : this.#plain).listen(channel, listener)
  }

  end(): void {
    clearInterval(this.#heartbeat)
    this.#plain.end()
    this.#sharded.end()
  }
}
