import type { Redis } from 'ioredis'
import type { Logger } from './port.ts'
import { type Kind, Subscriptions } from './subscriptions.ts'

/** Someone who listens on a channel. */
export interface Listener {
  /** The channel is heard from now on. Whatever was published before has been missed. */
  up(): void
  /** The channel is no longer heard. */
  down(): void
  message(payload: string): void
}

/** Someone who listens on all channels that match a pattern. */
export interface PatternListener extends Omit<Listener, 'message'> {
  message(payload: string, channel: string): void
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
  /**
   * Listens on the channels that match a glob pattern such as `user:*`, but for sharded ones, until the returned function
   * is called.
   */
  listenPattern(pattern: string, listener: PatternListener): () => Promise<void>
  /** Waits until all that Redis has sent by now has been heard; never rejects. */
  caughtUp(): Promise<void>
}

/**
 * Channels over one subscriber connection (requirement C1).
 *
 * A link that died without a word looks like silence, so whoever opens the connection has it watched: see `endWhenSilent`.
 */
export class ConnectionChannels implements Channels {
  readonly #client: Redis
  readonly #of: Readonly<Record<Kind, Subscriptions>>

  /** @param onMoved called when a sharded channel turns out to belong to another node */
  constructor(client: Redis, logger: Logger, onMoved: () => void = () => {}) {
    this.#client = client
    this.#of = {
      plain: new Subscriptions(client, 'plain', logger, onMoved),
      sharded: new Subscriptions(client, 'sharded', logger, onMoved),
      pattern: new Subscriptions(client, 'pattern', logger, onMoved),
    }
  }

  listen(channel: string, listener: Listener, { sharded = false } = {}): () => Promise<void> {
    return this.enter(sharded ? 'sharded' : 'plain', channel, listener)
  }

  listenPattern(pattern: string, listener: PatternListener): () => Promise<void> {
    return this.enter('pattern', pattern, listener)
  }

  /** The answer to a ping comes after what was sent before. */
  async caughtUp(): Promise<void> {
    if (this.#client.status === 'ready') await this.#client.ping().catch(() => {})
  }

  enter(kind: Kind, channel: string, listener: PatternListener): () => Promise<void> {
    return this.#of[kind].listen(channel, listener)
  }

  end(): void {
    for (const subscriptions of Object.values(this.#of)) subscriptions.end()
  }
}
