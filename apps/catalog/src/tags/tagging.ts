import type { Cache, Reading, ReadOptions, WriteToken } from '@lockstep/cache'
import { type TagCache, taggedWith } from './caches.ts'
import type { Tagged, TagRepository } from './repository.ts'
import type { TagsOf, TagsRevision } from './tag.ts'
import type { TagSets } from './tag-sets.ts'

/** For so long nobody caches a revision whose writer died: the longest there is, for a write takes several queries. */
const LONGEST_WRITE = '30s'

/** What became of a write, and what tells other replicas to read nothing older. */
interface Written {
  readonly result: Tagged
  readonly written: readonly { readonly token: WriteToken }[]
}

/**
 * The tags of books. Postgres has the truth; which revision a book's tags are at is cached coherently; and what is in a
 * revision lies in a Redis set, made on demand. So an answer is as fresh as the revision, and never a mixture. Where Redis
 * cannot tell, Postgres does.
 */
export interface Tagging {
  /** Undefined in the reading: there is no such book. */
  revision(id: number, options?: ReadOptions): Promise<Reading<TagsRevision>>
  /** Perhaps those of a later revision, which is then the one that it names. */
  tags(of: TagsRevision): Promise<TagsOf>
  has(of: TagsRevision, tag: string): Promise<boolean>
  count(of: TagsRevision): Promise<number>
  common(a: TagsRevision, b: TagsRevision): Promise<readonly string[]>
  add(id: number, tag: string): Promise<Written>
  remove(id: number, tag: string): Promise<Written>
}

export function createTagging(around: {
  repository: TagRepository
  cache: Cache
  revisions: TagCache
  sets: TagSets
}): Tagging {
  const { repository, cache, revisions, sets } = around

  /** From Postgres, and into Redis for those who come next. It may be a later revision than was asked for. */
  async function load({ id }: TagsRevision): Promise<TagsOf> {
    const found = (await repository.tagsOf(id)) ?? { id, revision: null, tags: [] }
    void sets.fill(found)
    return found
  }

  async function change(id: number, tag: string, apply: () => Promise<Tagged>): Promise<Written> {
    const tags = [taggedWith(tag)]
    const changing = cache.mutate(
      [revisions.key(id)],
      async (mutation) => {
        const result = await apply()
        if (result.kind === 'done') mutation.put(revisions, id, { id, revision: result.of.revision })
        return result
      },
      // The shop sells on without Redis; what must be evicted is, when Redis is back.
      { whenAway: 'run', lifetime: LONGEST_WRITE },
    )
    try {
      const mutated = await changing
      const { value: result } = mutated
      if (result.kind !== 'done') return { result, written: [mutated] }
      return { result, written: [mutated, await cache.invalidate({ tags })] }
    } catch (error) {
      // A write whose answer is lost may have been committed.
      await cache.invalidate({ tags })
      throw error
    }
  }

  return {
    revision: (id, options) => revisions.read(id, options),
    async tags(of) {
      const tags = await sets.all(of)
      return tags ? { ...of, tags } : load(of)
    },
    has: async (of, tag) => (await sets.has(of, tag)) ?? (await load(of)).tags.includes(tag),
    count: async (of) => (await sets.count(of)) ?? (await load(of)).tags.length,
    async common(a, b) {
      const known = await sets.common(a, b)
      if (known) return known
      const [first, second] = await Promise.all([load(a), load(b)])
      return first.tags.filter((tag) => second.tags.includes(tag))
    },
    add: (id, tag) => change(id, tag, () => repository.add(id, tag)),
    remove: (id, tag) => change(id, tag, () => repository.remove(id, tag)),
  }
}
