import type { KeySpace, RedisLink } from '@lockstep/redis'

/**
 * Tells those of this process that wait when it may be their turn. Whoever releases a lock says so on the channel of the
 * process whose turn it is, one channel a process and shard. A message may be lost, so nobody relies on it alone; and once
 * the channel is heard (again), all who wait are told to look.
 */
export class Turns {
  readonly #link: RedisLink
  readonly #keys: KeySpace
  readonly #process: string
  readonly #waiting = new Map<number, Map<string, () => void>>()
  readonly #leave: (() => Promise<void>)[] = []

  constructor(link: RedisLink, keys: KeySpace, process: string) {
    this.#link = link
    this.#keys = keys
    this.#process = process
  }

  on(shard: number, token: string, listener: () => void): () => void {
    const waiting = this.#waiting.get(shard) ?? this.#listen(shard)
    waiting.set(token, listener)
    return () => void waiting.delete(token)
  }

  async close(): Promise<void> {
    await Promise.all(this.#leave.map((leave) => leave()))
  }

  #listen(shard: number): Map<string, () => void> {
    const waiting = new Map<string, () => void>()
    this.#waiting.set(shard, waiting)
    const leave = this.#link.channels.listen(
      this.#keys.wake(shard, this.#process),
      {
        up: () => {
          for (const listener of waiting.values()) listener()
        },
        down: () => {},
        message: (token) => waiting.get(token)?.(),
      },
      { sharded: this.#keys.shards > 1 },
    )
    this.#leave.push(leave)
    return waiting
  }
}
