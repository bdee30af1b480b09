import type { Redis } from 'ioredis'
import type { Logger } from './port.ts'

/** The pause after a subscription that Redis refused. */
const RETRY_MS = 1000

/** Someone who listens on a channel. */
export interface Listener {
  /** The channel is heard from now on. Whatever was published before has been missed. */
  up(): void
  /** The channel is no longer heard. */
  down(): void
  message(payload: string): void
}

/**
 * The channels that a process listens on, over its one subscriber connection (requirement C1). Pub/sub keeps nothing for
 * those who are away, so each listener is told when its channel is heard and when it is not; what that means is the
 * listener's business.
 *
 * A link that died without a word looks like silence. So the connection is pinged, and ended by its socket timeout when
 * no answer comes.
 */
export class Channels {
  readonly #client: Redis
  readonly #logger: Logger
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #heard = new Set<string>()
  readonly #heartbeat: NodeJS.Timeout
  /** Why the last subscription failed, which is logged once. */
  #refused: string | undefined

  /** @param heartbeat milliseconds between two pings */
  constructor(client: Redis, heartbeat: number, logger: Logger) {
    this.#client = client
    this.#logger = logger
    client.on('ready', () => {
      for (const channel of this.#listeners.keys()) this.#subscribe(channel)
    })
    client.on('close', () => this.#allDown())
    client.on('message', (channel: string, payload: string) => {
      for (const listener of this.#listeners.get(channel) ?? []) listener.message(payload)
    })
    this.#heartbeat = setInterval(() => {
      if (client.status === 'ready') client.ping().catch(() => {})
    }, heartbeat)
    this.#heartbeat.unref()
  }

  /** Listens until the returned function is called. */
  listen(channel: string, listener: Listener): () => Promise<void> {
    const listeners = this.#listeners.get(channel)
    if (listeners) {
      listeners.add(listener)
      if (this.#heard.has(channel)) listener.up()
    } else {
      this.#listeners.set(channel, new Set([listener]))
      if (this.#client.status === 'ready') this.#subscribe(channel)
    }
    return () => this.#leave(channel, listener)
  }

  end(): void {
    clearInterval(this.#heartbeat)
  }

  #subscribe(channel: string): void {
    this.#client.subscribe(channel).then(
      () => {
        const listeners = this.#listeners.get(channel)
        if (listeners) {
          this.#refused = undefined
          this.#heard.add(channel)
          for (const listener of listeners) listener.up()
        } else {
          // All have left while the request was on its way.
          void this.#unsubscribe(channel)
        }
      },
      (error: Error) => {
        if (error.message !== this.#refused)
          this.#logger.warn({ channel, reason: error.message }, 'subscribe failed')
        this.#refused = error.message
        setTimeout(() => this.#subscribeAgain(channel), RETRY_MS).unref()
      },
    )
  }

  /** Redis refused, as to a user without the right: it may be granted. A lost connection subscribes anew by itself. */
  #subscribeAgain(channel: string): void {
    const wanted = this.#listeners.has(channel) && !this.#heard.has(channel)
    if (wanted && this.#client.status === 'ready') this.#subscribe(channel)
  }

  #allDown(): void {
    for (const channel of this.#heard) {
      for (const listener of this.#listeners.get(channel) ?? []) listener.down()
    }
    this.#heard.clear()
  }

  async #leave(channel: string, listener: Listener): Promise<void> {
    const listeners = this.#listeners.get(channel)
    if (!listeners?.delete(listener) || listeners.size > 0) return
    this.#listeners.delete(channel)
    if (this.#heard.delete(channel)) await this.#unsubscribe(channel)
  }

  async #unsubscribe(channel: string): Promise<void> {
    if (this.#client.status === 'ready') await this.#client.unsubscribe(channel).catch(() => {})
  }
}
