import type { Redis } from 'ioredis'
import type { PatternListener } from './channels.ts'
import type { Logger } from './port.ts'

/** The pause after a subscription that Redis refused. */
const RETRY_MS = 1000
/** The pause after one that belongs to another node of the cluster, which gossip is about to tell. */
const MOVED_RETRY_MS = 100

/**
 * The kinds of channels: on a Cluster all nodes spread the plain ones, and a sharded one is its slot's. A pattern matches
 * plain ones.
 */
export type Kind = 'plain' | 'sharded' | 'pattern'

const VERBS = {
  plain: { enter: 'subscribe', leave: 'unsubscribe' },
  sharded: { enter: 'ssubscribe', leave: 'sunsubscribe' },
  pattern: { enter: 'psubscribe', leave: 'punsubscribe' },
} as const

/** The channels, or patterns, of one kind that are listened to over one subscriber connection. */
export class Subscriptions {
  /** The channel that was heard last, and its only listener, if there is one. */
  #speaker = ''
  #sole: PatternListener | undefined
  readonly #client: Redis
  readonly #kind: Kind
  readonly #logger: Logger
  readonly #onMoved: () => void
  readonly #listeners = new Map<string, Set<PatternListener>>()
  readonly #heard = new Set<string>()
  /** Why the last subscription failed, which is logged once. */
  #refused: string | undefined
  #retry: NodeJS.Timeout | undefined
  /** Signs that a channel is not this node's, less those that a refused subscription explains. */
  #unexplained = 0

  /** @param onMoved called when a channel turns out to belong to another node */
  constructor(client: Redis, kind: Kind, logger: Logger, onMoved: () => void) {
    this.#client = client
    this.#kind = kind
    this.#logger = logger
    this.#onMoved = onMoved
    client.on('ready', () => this.#subscribeAll())
    client.on('close', () => this.#allDown())
    if (kind === 'pattern') {
      client.on('pmessage', (pattern: string, channel: string, payload: string) => {
        for (const listener of this.#listeners.get(pattern) ?? []) listener.message(payload, channel)
      })
    } else {
      // As bytes: mostly the same channel speaks again, and no text has to be made of its name.
      client.on(kind === 'plain' ? 'messageBuffer' : 'smessageBuffer', (channel: Buffer, payload: Buffer) =>
        this.#hear(channel, payload),
      )
    }
    if (kind === 'sharded') client.on('moved', () => this.#moved())
  }

  listen(channel: string, listener: PatternListener): () => Promise<void> {
    const listeners = this.#listeners.get(channel)
    if (listeners) {
      this.#sole = undefined
      listeners.add(listener)
      if (this.#heard.has(channel)) listener.up()
    } else {
      this.#listeners.set(channel, new Set([listener]))
      if (this.#client.status === 'ready') this.#subscribe(channel)
    }
    return () => this.#leave(channel, listener)
  }

  end(): void {
    clearTimeout(this.#retry)
  }

  #hear(channel: Buffer, payload: Buffer): void {
    const text = payload.toString()
    if (this.#sole !== undefined && spells(channel, this.#speaker)) {
      return this.#sole.message(text, this.#speaker)
    }
    const name = channel.toString()
    const listeners = this.#listeners.get(name)
    if (listeners === undefined) return
    const [first] = listeners
    this.#speaker = name
    this.#sole = listeners.size === 1 ? first : undefined
    for (const listener of listeners) listener.message(text, name)
  }

  #subscribeAll(): void {
    for (const channel of this.#listeners.keys()) {
      if (!this.#heard.has(channel)) this.#subscribe(channel)
    }
  }

  #subscribe(channel: string): void {
    this.#client[VERBS[this.#kind].enter](channel).then(
      () => this.#subscribed(channel),
      (error: Error) => this.#refuse(channel, error.message),
    )
  }

  #subscribed(channel: string): void {
    const listeners = this.#listeners.get(channel)
    this.#refused = undefined
    if (!listeners) {
      // All have left while the request was on its way.
      void this.#unsubscribe(channel)
    } else if (!this.#heard.has(channel) && this.#client.status === 'ready') {
      this.#heard.add(channel)
      for (const listener of listeners) listener.up()
    }
  }

  /** Refused, as to a user without the right: it may be granted. A lost connection subscribes anew by itself. */
  #refuse(channel: string, reason: string): void {
    if (reason.startsWith('MOVED')) {
      this.#unexplained--
      this.#again(MOVED_RETRY_MS)
      this.#onMoved()
      return
    }
    if (reason !== this.#refused) this.#logger.warn({ channel, reason }, 'subscribe failed')
    this.#refused = reason
    this.#again(RETRY_MS)
  }

  /**
   * ioredis says this for a subscription that was refused with MOVED, which its promise tells as well, and for one that
   * the server has ended because the slot went to another node. It does not say which: all are asked for anew.
   */
  #moved(): void {
    this.#unexplained++
    setImmediate(() => {
      if (this.#unexplained <= 0) return
      this.#unexplained = 0
      this.#allDown()
      this.#again(0)
      this.#onMoved()
    })
  }

  #again(ms: number): void {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => {
      if (this.#client.status === 'ready') this.#subscribeAll()
    }, ms)
    this.#retry.unref()
  }

  #allDown(): void {
    const heard = [...this.#heard]
    this.#heard.clear()
    for (const channel of heard) {
      for (const listener of this.#listeners.get(channel) ?? []) listener.down()
    }
  }

  async #leave(channel: string, listener: PatternListener): Promise<void> {
    const listeners = this.#listeners.get(channel)
    if (!listeners?.delete(listener) || listeners.size > 0) return
    this.#listeners.delete(channel)
    this.#sole = undefined
    if (this.#heard.delete(channel)) await this.#unsubscribe(channel)
  }

  async #unsubscribe(channel: string): Promise<void> {
    if (this.#client.status !== 'ready') return
    await this.#client[VERBS[this.#kind].leave](channel).catch(() => {})
  }
}

/** Whether these bytes are this text, and all of it ASCII: without making a text of them. */
function spells(bytes: Buffer, text: string): boolean {
  const { length } = text
  if (length !== bytes.length) return false
  for (let at = 0; at < length; at++) {
    const letter = text.charCodeAt(at)
    if (letter > LAST_ASCII || bytes[at] !== letter) return false
  }
  return true
}

const LAST_ASCII = 127
