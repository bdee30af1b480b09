import { keySpace, type RedisLink } from '@lockstep/redis'

/** Where sessions lie. Everything of one user is in one shard, so that one script can see all of it on a Cluster, too. */
export interface SessionKeys {
  readonly shards: number
  /** The shard of whatever has this tag. */
  shardOf(tag: string): number
  record(tag: string, reference: string): string
  /** The generation of a user and the index of the user's sessions. */
  user(tag: string): string
  /** Where the ends of a shard's sessions are announced, and the command that does so. */
  channel(shard: number): string
  readonly publish: 'PUBLISH' | 'SPUBLISH'
}

export function sessionKeys({ shards }: RedisLink, prefix: string): SessionKeys {
  const keys = keySpace(prefix, shards)
  return {
    shards,
    shardOf: (tag) => keys.shardOf(tag),
    record: (tag, reference) => `${keys.root(keys.shardOf(tag))}session:${reference}`,
    user: (tag) => keys.of('sessions', tag),
    channel: (shard) => `${keys.root(shard)}sessions-ended`,
    publish: shards === 1 ? 'PUBLISH' : 'SPUBLISH',
  }
}
