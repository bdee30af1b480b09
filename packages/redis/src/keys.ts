import { crc16 } from './crc16.ts'

/**
 * Every key that Lockstep writes is built here (requirement K9). A shard is a part of the keys whose order of changes is
 * known: all of its keys carry its number as their hash tag, which keeps them in one slot of a Redis Cluster, so that one
 * script can touch them. A single Redis has one shard, `{0}`.
 */
export interface KeySpace {
  readonly shards: number
  /** The shard of an entry or a value: CRC16 of its name, as Redis Cluster computes it, modulo the shards. */
  shardOf(name: string): number
  /** Begins every key of a shard: `shop:{0}:`. */
  root(shard: number): string
  entry(name: string): string
  /** The right to fill an entry. */
  lease(name: string): string
  /** A plain value outside the cache. */
  value(name: string): string
  /** What another part of Lockstep keeps of a name, in that name's shard: `shop:{0}:lock:order:42` of the kind `lock`. */
  of(kind: string, name: string): string
  /** The last invalidation of a shard. */
  head(shard: number): string
  /** Its last invalidations, in order. */
  log(shard: number): string
  /** When each tag, prefix and cache was last invalidated. */
  markers(shard: number): string
  /** The server on which its history began. */
  server(shard: number): string
  /** Writes that have begun and not ended. */
  intents(shard: number): string
  /** The processes that take part. */
  replicas(shard: number): string
  /** Where invalidations are published; sharded pub/sub when there are several shards. */
  channel(shard: number): string
  /** Where a process that waits for something of a shard is woken; sharded pub/sub when there are several shards. */
  wake(shard: number, process: string): string
}

/**
 * @param prefix names the instance on a shared Redis, such as `shop`
 * @param shards how many; `link.shards` of the link that they are used with
 */
export function keySpace(prefix: string, shards = 1): KeySpace {
  const roots = Array.from({ length: shards }, (_, shard) => `${prefix}:{${shard}}:`)
  const root = (shard: number): string => {
    const found = roots[shard]
    if (found === undefined) throw new RangeError(`there is no shard ${shard} of ${shards}`)
    return found
  }
  const shardOf = (name: string): number => (shards === 1 ? 0 : crc16(name) % shards)
  const rootOf = (name: string): string => root(shardOf(name))
  return {
    shards,
    shardOf,
    root,
    entry: (name) => rootOf(name) + name,
    lease: (name) => `${rootOf(name)}lease:${name}`,
    value: (name) => `${rootOf(name)}value:${name}`,
    of: (kind, name) => `${rootOf(name)}${kind}:${name}`,
    head: (shard) => `${root(shard)}head`,
    log: (shard) => `${root(shard)}log`,
    markers: (shard) => `${root(shard)}markers`,
    server: (shard) => `${root(shard)}server`,
    intents: (shard) => `${root(shard)}intents`,
    replicas: (shard) => `${root(shard)}replicas`,
    wake: (shard, process) => `${root(shard)}wake:${process}`,
    channel: (shard) => (shards === 1 ? 'cache:invalidate' : `cache:invalidate:{${shard}}`),
  }
}

/** The name of an entry as people write it, `books:v1:42`: cache, version of its shape, and id. */
export const entryName = (cache: string, id: string | number): string => `${cache}:${id}`

/** The name of a cache with the version of what it holds, `books:v1`. */
export const cacheName = (name: string, version: number): string => `${name}:v${version}`
