import type { KeySpace } from '@lockstep/redis'
import type { Head } from '../protocol/history.ts'
import { leadOf } from '../protocol/wire.ts'
import { parseHead } from './reply.ts'

/** What the commands to one shard have in common. */
export interface Place {
  readonly root: string
  readonly head: string
  /** The keys that every script begins with. */
  readonly control: readonly string[]
  /** How and where it publishes, and what the messages begin with. */
  readonly voice: readonly string[]
  /** The head as it was read; undefined when it is none of ours. */
  readonly headOf: (bytes: Buffer | null | undefined) => Head | undefined
}

export function placeOf(keys: KeySpace, prefix: string, shard: number): Place {
  const root = keys.root(shard)
  const control = [keys.head(shard), keys.log(shard), keys.markers(shard), keys.server(shard)]
  control.push(keys.intents(shard), keys.replicas(shard))
  const voice = [keys.shards === 1 ? 'PUBLISH' : 'SPUBLISH', keys.channel(shard), leadOf(prefix, shard)]
  let lastBytes: Buffer | undefined
  let last: Head | undefined
  return {
    root,
    head: keys.head(shard),
    control,
    voice,
    headOf(bytes) {
      if (!bytes) return undefined
      // It is the same as last time nearly always.
      if (lastBytes?.equals(bytes)) return last
      // A copy, not a view of whatever came in with it.
      lastBytes = Buffer.from(bytes)
      last = parseHead(bytes.toString('latin1'))
      return last
    },
  }
}

/** The keys of these entries, then those of their leases. */
export function entriesAndLeases({ root }: Place, names: readonly string[]): string[] {
  return [...names.map((name) => root + name), ...names.map((name) => `${root}lease:${name}`)]
}
