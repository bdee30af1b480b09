/** What a Redis says of itself, over all primaries. */
export interface RedisFigures {
  readonly usedMemory: number
  readonly clients: number
  readonly keyspaceHits: number
  readonly keyspaceMisses: number
}

/** The part of a link to Redis that is asked; `openRedis` of `@lockstep/redis` gives one. */
export interface RedisInfo {
  info(section: string): Promise<string[]>
}

/** @throws what the link throws when Redis is away */
export async function figuresOf(redis: RedisInfo): Promise<RedisFigures> {
  const [memory, clients, stats] = await Promise.all(
    ['memory', 'clients', 'stats'].map((section) => redis.info(section)),
  )
  return {
    usedMemory: sum(memory, 'used_memory'),
    clients: sum(clients, 'connected_clients'),
    keyspaceHits: sum(stats, 'keyspace_hits'),
    keyspaceMisses: sum(stats, 'keyspace_misses'),
  }
}

const sum = (texts: readonly string[] = [], field: string): number =>
  texts.reduce((total, text) => total + Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(text)?.[1] ?? 0), 0)
