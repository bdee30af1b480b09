import { type KeySpace, keySpace } from '../keys.ts'
import type { RedisLink } from '../link.ts'
import { RedisArgumentError } from './errors.ts'

/** Keys that one command removes. */
const BATCH = 500
/** A longer pattern is nobody's, and matching can take long. */
const LONGEST = 256

/**
 * The keys of one instance by their names (requirement D5): what follows `shop:{0}:`. Nothing beyond the instance is
 * removed, and never with KEYS or FLUSHDB. All reject with a {@link RedisUnavailableError} when a primary is away; what was
 * removed until then is gone.
 */
export interface Keys {
  /**
   * Goes through the whole keys whose names match a glob pattern such as `list:inbox:*`, in pages. Those that come or go
   * meanwhile may be missed, and one may come twice. SCAN of every primary; twice on a Cluster, where shards have one
   * digit or two.
   *
   * @throws {RedisArgumentError} for a pattern that is empty, or longer than 256
   */
  scan(pattern: string): AsyncIterable<string[]>
  /**
   * Removes what has a name that begins so, and gives how many. SCAN as above, and UNLINK for each 500.
   *
   * @param prefix taken literally: `*` is no wildcard
   * @throws {RedisArgumentError} when it is empty, or longer than 256
   */
  removeByPrefix(prefix: string): Promise<number>
  /**
   * Removes all keys of the instance, held locks, limits and sessions among them, and gives how many; only the cache's
   * records of what became invalid stay, without which others would take old entries for valid. SCAN and UNLINK.
   *
   * @param options.confirm the prefix of the instance, as a sign that it is meant
   * @throws {RedisArgumentError} for another
   */
  flush(options: { confirm: string }): Promise<number>
}

/** @param options.prefix begins every key and names the instance on a shared Redis */
export function openKeys(link: RedisLink, { prefix }: { prefix: string }): Keys {
  const keys = keySpace(prefix, link.shards)
  const shards = Array.from({ length: link.shards }, (_, shard) => shard)
  const records = new Set(shards.flatMap((shard) => recordsOf(keys, shard)))

  async function* scan(pattern: string): AsyncGenerator<string[]> {
    for (const digits of link.shards === 1 ? ['0'] : ['[0-9]', '[0-9][0-9]']) {
      yield* link.scan(`${literally(prefix)}:{${digits}}:${pattern}`)
    }
  }

  async function removeAll(pattern: string): Promise<number> {
    let removed = 0
    for await (const page of scan(pattern)) {
      const found = Map.groupBy(
        page.filter((key) => !records.has(key)),
        (key) => shards.find((shard) => key.startsWith(keys.root(shard))) ?? -1,
      )
      found.delete(-1)
      for (const [shard, ours] of found) {
        for (let from = 0; from < ours.length; from += BATCH) {
          const batch = ours.slice(from, from + BATCH)
          removed += Number(await link.run((redis) => redis.callBuffer('unlink', ...batch), shard))
        }
      }
    }
    return removed
  }

  return {
    scan: (pattern) => scan(within('pattern', pattern)),
    removeByPrefix: async (begin) => removeAll(`${literally(within('prefix', begin))}*`),
    async flush({ confirm }) {
      if (confirm !== prefix) {
        throw new RedisArgumentError(
          `to remove all keys of ${prefix}, confirm with ${JSON.stringify(prefix)}`,
        )
      }
      return removeAll('*')
    },
  }
}

/** What the cache keeps of a shard besides entries. */
const recordsOf = (keys: KeySpace, shard: number): string[] => [
  keys.head(shard),
  keys.log(shard),
  keys.markers(shard),
  keys.server(shard),
  keys.intents(shard),
  keys.replicas(shard),
]

function within(name: string, text: string): string {
  if (text.length > 0 && text.length <= LONGEST) return text
  throw new RedisArgumentError(`${name} must have 1 to ${LONGEST} characters, not ${text.length}`)
}

/** A pattern that matches this text alone. */
const literally = (text: string): string => text.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)
