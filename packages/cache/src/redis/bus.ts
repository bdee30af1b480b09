import { after, type RedisLink, RedisUnavailableError } from '@lockstep/redis'
import type { Bus, BusListener } from '../ports.ts'
import { CHANNEL } from '../protocol/wire.ts'

/** How long a channel may take until it is heard. */
const LISTEN_MS = 1000

/**
 * The fleet's channels in Redis. On a single Redis there is one; on a Cluster each shard has a sharded one of its own, so
 * that a message goes to the nodes of its shard only, and the plain one is there for foreign programs.
 */
export function redisBus(link: Pick<RedisLink, 'shards' | 'channels' | 'run'>, prefix: string): Bus {
  const { channels } = link
  const ackChannel = (origin: string) => `cache:ack:${prefix}:${origin}`
  return {
    listen: (listener) =>
      link.shards === 1 ? channels.listen(CHANNEL, listener) : listenToAll(link, listener),
    /** @throws {RedisUnavailableError} when it is not heard within a second */
    async listenTo(origin, hear) {
      const up = Promise.withResolvers<void>()
      const leave = channels.listen(ackChannel(origin), { up: up.resolve, down() {}, message: hear })
      const cancel = after(LISTEN_MS, () => up.reject(new RedisUnavailableError()))
      try {
        await up.promise
        return leave
      } catch (error) {
        await leave()
        throw error
      } finally {
        cancel()
      }
    },
    async tell(origin, payload) {
      await link.run((redis) => redis.publish(ackChannel(origin), payload))
    },
  }
}

/** It is up while all of its channels are. */
function listenToAll(
  { channels, shards }: Pick<RedisLink, 'shards' | 'channels'>,
  listener: BusListener,
): () => Promise<void> {
  const missing = new Set<string>()
  const one = (channel: string) => ({
    up() {
      if (missing.delete(channel) && missing.size === 0) listener.up()
    },
    down() {
      if (missing.size === 0) listener.down()
      missing.add(channel)
    },
    message: (payload: string) => listener.message(payload),
  })
  const sharded = Array.from({ length: shards }, (_, shard) => `${CHANNEL}:{${shard}}`)
  for (const channel of [CHANNEL, ...sharded]) missing.add(channel)
  const leaves = [channels.listen(CHANNEL, one(CHANNEL))]
  for (const channel of sharded) leaves.push(channels.listen(channel, one(channel), { sharded: true }))
  return async () => {
    await Promise.all(leaves.map((leave) => leave()))
  }
}
