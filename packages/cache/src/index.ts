export { type Clock, type Metric, systemClock } from '@lockstep/redis'
export {
  type Cache,
  createCache,
  type Invalidations,
  type MutationContext,
  type MutationOptions,
} from './cache.ts'
export * from './codec/index.ts'
export { DefinitionError, EncodeError, LoadTimeoutError, MutationAwayError } from './errors.ts'
export { type MemoryServer, memoryTransport } from './memory/transport.ts'
export type { Inspection, NamedCache, ReadOptions } from './named-cache.ts'
export type { CacheEvent, CacheOptions, RedisCacheOptions } from './options.ts'
export type { Bus, BusListener, Logger, Store, Transport } from './ports.ts'
export type { Degraded, Reading } from './read/flight.ts'
export type { Load, LoadContext, LoadMany } from './read/loader.ts'
export type { Definition } from './read/policy.ts'
export { redisTransport } from './redis/transport.ts'
export type { CacheCounts, CacheStats } from './stats.ts'
export { TtlSettings } from './ttl.ts'
export type { Cached, CachedOptions, InvalidatesOptions, MutatesOptions } from './wrap.ts'
export { isWriteToken, type WriteToken } from './write/items.ts'
export type { Mutated } from './write/mutation.ts'
export type { Sweep, Swept } from './write/sweep.ts'
export type { Invalidated, Written } from './write/writes.ts'
