import type { KeySpace, RedisLink } from '@lockstep/redis'
import type { Fenced, Handed } from './backend.ts'

type Listener = (handed?: Handed<Fenced>) => void

/**
 * Tells those of this process that wait when it is their turn. Whoever releases a lock hands it over to who is first, and
 * the script says so on the channel of that process, one channel a process and shard. A message may be lost, so nobody
 * relies on it alone; and once the channel is heard (again), all who wait are told to ask.
 */
export class Turns {
  readonly #link: RedisLink
  readonly #keys: KeySpace
  readonly #process: string
  readonly #waiting = new Map<number, Map<string, Listener>>()
  readonly #leave: (() => Promise<void>)[] = []

  constructor(link: RedisLink, keys: KeySpace, process: string) {
    this.#link = link
    this.#keys = keys
    this.#process = process
  }

  on(shard: number, token: string, listener: Listener): () => void {
    const waiting = this.#waiting.get(shard) ?? this.#listen(shard)
    waiting.set(token, listener)
    return () => void waiting.delete(token)
  }

  async close(): Promise<void> {
    await Promise.all(this.#leave.map((leave) => leave()))
  }

  #listen(shard: number): Map<string, Listener> {
    const waiting = new Map<string, Listener>()
    this.#waiting.set(shard, waiting)
    const leave = this.#link.channels.listen(
      this.#keys.wake(shard, this.#process),
      {
        up: () => {
          for (const listener of waiting.values()) listener()
        },
        down: () => {},
        message: (text) => {
          const [, token = '', turn, fence, lease] = MESSAGE.exec(text) ?? []
          waiting.get(token)?.({ turn: Number(turn), grant: { fence: Number(fence) }, lease: Number(lease) })
        },
      },
      { sharded: this.#keys.shards > 1 },
    )
    this.#leave.push(leave)
    return waiting
  }
}

/** As lua/locks.lua says it. */
const MESSAGE = /^(\S+) (\d+) (\d+) (\d+)$/
