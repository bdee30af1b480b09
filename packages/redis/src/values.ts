import type { Duration } from '@lockstep/settings'
import { keySpace } from './keys.ts'
import { lifetime } from './lifetime.ts'
import type { RedisLink } from './link.ts'
import type { RedisCommands } from './port.ts'
import { loadScript, runScript } from './script.ts'

const increment = loadScript(new URL('./lua/increment.lua', import.meta.url), Number)

/** A text, or bytes. */
export type Value = string | Uint8Array

/**
 * Small operations on plain values outside the coherent cache: counters, flags, tokens (requirement K5). Every one goes to
 * Redis and is atomic there; a key that one creates gets a lifetime with it. All reject with a
 * {@link RedisUnavailableError} when Redis is away.
 */
export interface Values {
  exists(name: string): Promise<boolean>
  get(name: string): Promise<string | undefined>
  getBytes(name: string): Promise<Uint8Array | undefined>
  set(name: string, value: Value, options: { ttl: Duration }): Promise<void>
  /** Sets it unless there is one; tells whether it did. */
  setIfAbsent(name: string, value: Value, options: { ttl: Duration }): Promise<boolean>
  /** Sets it, and gives what was there before. */
  getAndSet(name: string, value: Value, options: { ttl: Duration }): Promise<string | undefined>
  getAndSetBytes(name: string, value: Value, options: { ttl: Duration }): Promise<Uint8Array | undefined>
  /** Tells whether there was one. */
  remove(name: string): Promise<boolean>
  /**
   * Adds `by`, a whole number, 1 unless told, to a counter that begins at 0, and gives its new value: exact up to 2^53.
   *
   * @param options.ttl the counter's lifetime from its first increment; later ones do not prolong it
   */
  increment(name: string, options: { by?: number; ttl: Duration }): Promise<number>
  /** The same, downwards. */
  decrement(name: string, options: { by?: number; ttl: Duration }): Promise<number>
  /** Gives it another lifetime, from now; tells whether there is one. */
  expire(name: string, ttl: Duration): Promise<boolean>
  /** What is left of its lifetime, in ms; undefined when there is none, Infinity when a foreign program made it last. */
  timeToLive(name: string): Promise<number | undefined>
}

/** @param options.prefix begins every key and names the instance on a shared Redis */
export function openValues(link: RedisLink, { prefix }: { prefix: string }): Values {
  const keys = keySpace(prefix, link.shards)
  const on = <T>(name: string, send: (redis: RedisCommands, key: string) => Promise<T>): Promise<T> =>
    link.run((redis) => send(redis, keys.value(name)), keys.shardOf(name))
  const add = (name: string, by: number, ttl: Duration): Promise<number> => {
    const px = lifetime(ttl)
    return on(name, (redis, key) => runScript(redis, increment, [key], [by, px]))
  }
  const swap = async (name: string, value: Value, ttl: Duration): Promise<Buffer | undefined> => {
    const px = lifetime(ttl)
    const before = await on(name, (redis, key) => redis.callBuffer('set', key, wire(value), 'PX', px, 'GET'))
    return before instanceof Buffer ? before : undefined
  }

  return {
    exists: async (name) => (await on(name, (redis, key) => redis.exists(key))) === 1,
    get: async (name) => (await on(name, (redis, key) => redis.get(key))) ?? undefined,
    getBytes: async (name) => (await on(name, (redis, key) => redis.getBuffer(key))) ?? undefined,
    async set(name, value, { ttl }) {
      const px = lifetime(ttl)
      await on(name, (redis, key) => redis.set(key, wire(value), 'PX', px))
    },
    async setIfAbsent(name, value, { ttl }) {
      const px = lifetime(ttl)
      return (await on(name, (redis, key) => redis.set(key, wire(value), 'PX', px, 'NX'))) === 'OK'
    },
    getAndSet: async (name, value, { ttl }) => (await swap(name, value, ttl))?.toString(),
    getAndSetBytes: (name, value, { ttl }) => swap(name, value, ttl),
    remove: async (name) => (await on(name, (redis, key) => redis.del(key))) === 1,
    increment: async (name, { by = 1, ttl }) => add(name, by, ttl),
    decrement: async (name, { by = 1, ttl }) => add(name, -by, ttl),
    async expire(name, ttl) {
      const px = lifetime(ttl)
      return (await on(name, (redis, key) => redis.pexpire(key, px))) === 1
    },
    async timeToLive(name) {
      const left = await on(name, (redis, key) => redis.pttl(key))
      if (left === -1) return Number.POSITIVE_INFINITY
      return left < 0 ? undefined : left
    },
  }
}

const wire = (value: Value): string | Buffer => (typeof value === 'string' ? value : Buffer.from(value))
