import { openSet, type RedisLink, RedisUnavailableError } from '@lockstep/redis'
import type { Duration } from '@lockstep/settings'
import type { TagsOf, TagsRevision } from './tag.ts'

/** The part of a pino logger that is written to. */
interface Logger {
  warn(details: object, message: string): void
}

/**
 * The tags of books as sets in Redis (requirement D3), one for each revision of a book's tags. Such a set never changes
 * once it is there, so no race of writers and readers can leave one that is mixed; old ones end with their lifetime. Its
 * first member is a mark that no tag can be: whoever sees the mark sees all of the tags, and whoever does not, none.
 *
 * Each question resolves to undefined when Redis cannot tell: the set is not there, or Redis is not. None rejects.
 */
export interface TagSets {
  all(of: TagsRevision): Promise<string[] | undefined>
  has(of: TagsRevision, tag: string): Promise<boolean | undefined>
  count(of: TagsRevision): Promise<number | undefined>
  /** The tags that two books share. */
  common(a: TagsRevision, b: TagsRevision): Promise<string[] | undefined>
  fill(of: TagsOf): Promise<void>
}

/** Upper case, as no tag is. */
const MARK = 'ALL-TAGS'

export function tagSets(
  link: RedisLink,
  options: { prefix: string; ttl: Duration; logger: Logger },
): TagSets {
  const { prefix, ttl, logger } = options
  const sets = openSet(link, { prefix, name: 'book-tags', ttl })

  /** @param none what is true of a book without tags, for which there is no set */
  async function ask<T>(of: readonly TagsRevision[], none: T, question: () => Promise<T | undefined>) {
    if (of.some(({ revision }) => revision === null)) return none
    try {
      return await question()
    } catch (error) {
      if (!(error instanceof RedisUnavailableError))
        logger.warn({ err: error }, 'tags are not read from Redis')
      return undefined
    }
  }

  return {
    all: (of) => ask([of], [], async () => unmarked(await sets.all(nameOf(of)))),
    has: (of, tag) =>
      ask([of], false, async () => {
        if (await sets.has(nameOf(of), tag)) return true
        // That a member is not there shows nothing while the set may not be there.
        return unmarked(await sets.all(nameOf(of)))?.includes(tag)
      }),
    count: (of) =>
      ask([of], 0, async () => {
        const members = await sets.count(nameOf(of))
        return members === 0 ? undefined : members - 1
      }),
    common: (a, b) => ask([a, b], [], async () => unmarked(await sets.common(nameOf(a), nameOf(b)))),
    fill: (of) => ask([of], undefined, async () => void (await sets.add(nameOf(of), MARK, ...of.tags))),
  }
}

/** `42:0b7c…` */
const nameOf = ({ id, revision }: TagsRevision): string => `${id}:${revision}`

/** The tags alone; undefined without the mark. */
const unmarked = (members: readonly string[]): string[] | undefined =>
  members.includes(MARK) ? members.filter((member) => member !== MARK) : undefined
