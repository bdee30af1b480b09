import { Redis } from 'ioredis'
import type { Subject, SubjectOptions } from './subject.ts'

const CHANNEL = 'textbook'
const TTL = 600_000

/**
 * The two-tier cache that everybody writes first: a Map, GET and SET in Redis, DEL and PUBLISH after a commit. It has no
 * guard of any kind: the control, which the torture must find wanting.
 */
export function openTextbook({ name, redisPort, commandTimeout, load }: SubjectOptions): Subject {
  const options = {
    host: '127.0.0.1',
    port: redisPort,
    commandTimeout,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 200,
  }
  const redis = new Redis({ ...options, connectionName: name })
  const bus = new Redis({ ...options, connectionName: `${name}:subscriber`, autoResubscribe: false })
  const l1 = new Map<number, number>()
  let live = false
  for (const client of [redis, bus]) client.on('error', () => {})
  bus.on('ready', () => {
    bus.subscribe(CHANNEL).then(
      () => {
        live = true
      },
      () => {},
    )
  })
  bus.on('message', (_channel: string, key: string) => l1.delete(Number(key)))

  async function invalidate(key: number) {
    l1.delete(key)
    const results = await quietly(redis.multi().del(`textbook:${key}`).publish(CHANNEL, String(key)).exec())
    return results ? ('applied' as const) : ('pending' as const)
  }

  return {
    get live() {
      return live
    },
    async read(key) {
      const hit = l1.get(key)
      if (hit !== undefined) return { version: hit, from: 'l1' }
      const found = await quietly(redis.get(`textbook:${key}`))
      const version = found ? Number(found) : await load(key)
      if (!found) await quietly(redis.set(`textbook:${key}`, version, 'PX', TTL))
      l1.set(key, version)
      return { version, from: found ? 'l2' : 'source' }
    },
    invalidate,
    async mutate(key, commit) {
      await commit(Number.POSITIVE_INFINITY)
      return invalidate(key)
    },
    async close() {
      redis.disconnect()
      bus.disconnect()
    },
  }
}

/** What Redis says, or undefined when it says nothing. */
const quietly = <T>(call: Promise<T>): Promise<T | undefined> => call.catch(() => undefined)
