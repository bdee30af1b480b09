import type { Duration } from '@lockstep/settings'
import { lifetime } from '../lifetime.ts'
import type { CommandLink } from '../link.ts'
import { several } from './arguments.ts'
import { RedisValueError } from './errors.ts'
import { lasting } from './lasting.ts'
import { textsOf } from './replies.ts'
import { Structure, type StructureOptions } from './structure.ts'

export interface SetOptions extends StructureOptions {
  /** How long a set lives after the last addition. */
  readonly ttl: Duration
}

/**
 * Sets of texts (requirement D3). On a Cluster all sets of one name are in one shard, so that one command finds what two
 * have in common. Each method is one command, or one script where it says so; members come in the order of their code
 * units. All reject with a {@link RedisUnavailableError} when Redis is away, and with a {@link RedisValueError} for what is
 * not theirs.
 */
export interface TextSet {
  /** Adds up to 1000 and gives how many were new; the lifetime begins anew. A script: SADD, PEXPIRE; none for no members. */
  add(id: string, ...members: string[]): Promise<number>
  /** Removes up to 1000; gives how many there were. SREM; nothing for no members. */
  remove(id: string, ...members: string[]): Promise<number>
  /** SISMEMBER. */
  has(id: string, member: string): Promise<boolean>
  /** SMEMBERS. */
  all(id: string): Promise<string[]>
  /** SCARD. */
  count(id: string): Promise<number>
  /** The members that two sets share. SINTER. */
  common(a: string, b: string): Promise<string[]>
  /** Removes the set; tells whether there was one. DEL. */
  clear(id: string): Promise<boolean>
}

/** @throws {RedisArgumentError | RangeError} for a name or a lifetime that is none */
export function openSet(link: CommandLink, { ttl, ...options }: SetOptions): TextSet {
  const set = new Structure(link, options, 'set', true)
  const px = lifetime(ttl)
  return {
    async add(id, ...members) {
      if (several('members', members).length === 0) return 0
      return set.script(id, lasting, [px, 'SADD', ...members])
    },
    async remove(id, ...members) {
      if (several('members', members).length === 0) return 0
      return Number(await set.call(id, 'srem', ...members))
    },
    has: async (id, member) => (await set.call(id, 'sismember', member)) === 1,
    all: async (id) => textsOf(await set.call(id, 'smembers')).toSorted(),
    count: async (id) => Number(await set.call(id, 'scard')),
    async common(a, b) {
      try {
        return textsOf(await set.call(a, 'sinter', set.key(b))).toSorted()
      } catch (error) {
        // It names the first key; when the second is the one that holds something else, this names it.
        if (error instanceof RedisValueError) await set.call(b, 'scard')
        throw error
      }
    },
    clear: async (id) => (await set.call(id, 'del')) === 1,
  }
}
