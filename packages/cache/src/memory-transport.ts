import { LRUCache } from 'lru-cache'
import { systemClock } from './clock.ts'
import type { BusListener, Clock, Grant, StoredEntry, Transport } from './ports.ts'

/** Past this many, those used least recently go. */
const MAX_ENTRIES = 100_000

/** The part of Redis that the cache uses, in memory: for a single process without Redis, and for tests. */
export interface MemoryTransport extends Transport {
  /** Publishes on the channel, as a foreign program would. */
  publish(payload: string): void
}

/** @param options.clock decides when entries end */
export function memoryTransport(options: { prefix?: string; clock?: Clock } = {}): MemoryTransport {
  const { prefix = 'memory', clock = systemClock } = options
  const entries = new LRUCache<string, StoredEntry & { generation: number }>({ max: MAX_ENTRIES })
  const leases = new LRUCache<string, string>({ max: MAX_ENTRIES })
  const generations = new Map<string, number>()
  const listeners = new Set<BusListener>()
  let tokens = 0

  const generationOf = (cache: string) => generations.get(cache) ?? 0
  const publish = (payload: string) => {
    for (const listener of listeners) listener.message(payload)
  }

  return {
    prefix,
    publish,
    bus: {
      listen(listener) {
        listeners.add(listener)
        listener.up()
        return async () => void listeners.delete(listener)
      },
    },
    store: {
      async read(cache, name) {
        const entry = entries.get(name)
        const fresh = entry && entry.expiresAt > clock.wall() && entry.generation === generationOf(cache)
        return fresh ? { value: structuredClone(entry.value), expiresAt: entry.expiresAt } : undefined
      },
      async lease(cache, name) {
        const token = String(++tokens)
        leases.set(name, token)
        return { token, generation: String(generationOf(cache)) }
      },
      async fill(name: string, grant: Grant, entry: StoredEntry) {
        if (leases.get(name) !== grant.token) return false
        leases.delete(name)
        entries.set(name, { ...entry, generation: Number(grant.generation) })
        return true
      },
      async invalidate({ names, caches }, message) {
        for (const name of names) {
          entries.delete(name)
          leases.delete(name)
        }
        for (const cache of caches) generations.set(cache, generationOf(cache) + 1)
        if (message !== undefined) publish(message)
      },
      onAvailable: () => () => {},
    },
  }
}
