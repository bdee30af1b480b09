import type { RedisLink } from '@lockstep/redis'
import type { SessionKeys } from './keys.ts'

/**
 * What a replica is told of sessions that ended before their time. `unknown`: it did not hear for a while, or has only begun
 * to; whoever keeps something of a session looks whether that lives.
 */
export type Ended =
  | { readonly kind: 'one'; readonly reference: string; readonly user: string | undefined }
  | { readonly kind: 'all'; readonly user: string }
  | { readonly kind: 'unknown' }

/** What the scripts say on the channel: `one <reference> <user>`, where an anonymous session has no user, or `all <user>`. */
function readMessage(text: string): Ended {
  const [, reference, user] = /^one (\S+) (.*)$/s.exec(text) ?? []
  if (reference !== undefined) return { kind: 'one', reference, user: user === '' ? undefined : user }
  return text.startsWith('all ') ? { kind: 'all', user: text.slice(4) } : { kind: 'unknown' }
}

/** Hears of ended sessions from all shards, once somebody in this process wants to know. */
export class SessionBus {
  readonly #link: RedisLink
  readonly #keys: SessionKeys
  readonly #listeners = new Set<(ended: Ended) => void>()
  #stop: (() => Promise<unknown>) | undefined

  constructor(link: RedisLink, keys: SessionKeys) {
    this.#link = link
    this.#keys = keys
  }

  onEnded(listener: (ended: Ended) => void): () => void {
    this.#listeners.add(listener)
    this.#stop ??= this.#listen()
    return () => void this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#listeners.clear()
    await this.#stop?.()
  }

  #listen(): () => Promise<unknown> {
    const tell = (ended: Ended) => {
      for (const listener of this.#listeners) listener(ended)
    }
    const ear = {
      up: () => tell({ kind: 'unknown' }),
      down: () => {},
      message: (text: string) => tell(readMessage(text)),
    }
    const { shards } = this.#keys
    const leave = Array.from({ length: shards }, (_, shard) =>
      this.#link.channels.listen(this.#keys.channel(shard), ear, { sharded: shards > 1 }),
    )
    return () => Promise.all(leave.map((stop) => stop()))
  }
}
