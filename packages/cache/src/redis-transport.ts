import { randomUUID } from 'node:crypto'
import { type KeySpace, keySpace, loadScript, type RedisLink, runScript } from '@lockstep/redis'
import { systemClock } from './clock.ts'
import { decodeEntry, encodeEntry } from './envelope.ts'
import type { Bus, Clock, Grant, Invalidation, Store, StoredEntry, Transport } from './ports.ts'
import { CHANNEL } from './wire.ts'

/** How long the right to fill outlives a loader that died. */
const LEASE_MS = 30_000

const script = (name: string) => new URL(`./lua/${name}.lua`, import.meta.url)
const lease = loadScript(script('lease'), String)
const fill = loadScript(script('fill'), (reply) => reply === 1)
const invalidate = loadScript(script('invalidate'), Number)

/**
 * L2 in Redis, and its channel.
 *
 * @param options.prefix begins every key and names the instance; others on the same Redis are not disturbed
 * @param options.token makes a random token
 */
export function redisTransport(
  link: RedisLink,
  options: { prefix: string; clock?: Clock; token?: () => string },
): Transport {
  const { prefix, clock = systemClock, token = randomUUID } = options
  return { prefix, store: redisStore(link, keySpace(prefix), clock, token), bus: redisBus(link) }
}

function redisStore(link: RedisLink, keys: KeySpace, clock: Clock, token: () => string): Store {
  return {
    async read(cache, name) {
      const [generation, text] = await link.run((redis) =>
        redis.mget(keys.generation(cache), keys.entry(name)),
      )
      return generation && text ? decodeEntry(text, generation) : undefined
    },
    async lease(cache, name) {
      const mine = token()
      const generation = await link.run((redis) =>
        runScript(redis, lease, [keys.lease(name), keys.generation(cache)], [mine, LEASE_MS, token()]),
      )
      return { token: mine, generation }
    },
    async fill(name: string, grant: Grant, entry: StoredEntry) {
      const lifetime = Math.ceil(entry.expiresAt - clock.wall())
      if (lifetime <= 0) return false
      const text = encodeEntry(name, grant.generation, entry)
      return link.run((redis) =>
        runScript(redis, fill, [keys.entry(name), keys.lease(name)], [grant.token, text, lifetime]),
      )
    },
    async invalidate({ names, caches }: Invalidation, message) {
      const removed = names.flatMap((name) => [keys.entry(name), keys.lease(name)])
      await link.run((redis) =>
        runScript(
          redis,
          invalidate,
          [...removed, ...caches.map((cache) => keys.generation(cache))],
          [removed.length, token(), CHANNEL, message ?? ''],
        ),
      )
    },
    onAvailable: (listener) => link.onAvailable(listener),
  }
}

const redisBus = (link: RedisLink): Bus => ({ listen: (listener) => link.channels.listen(CHANNEL, listener) })
