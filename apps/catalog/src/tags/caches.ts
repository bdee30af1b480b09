import type { Cache, NamedCache } from '@lockstep/cache'
import { cacheName, entryName } from '@lockstep/redis'
import type { Duration } from '@lockstep/settings'
import { Compile } from 'typebox/compile'
import type { TagRepository } from './repository.ts'
import { TagsRevision } from './tag.ts'

/** Which revision a book's tags are at. */
export type TagCache = NamedCache<number, TagsRevision>

const NAME = 'tags'
const VERSION = 1

/** The entry of a book in the cache of revisions: what evicts it where the cache itself is not at hand. */
export const tagsEntry = (id: number): string => entryName(cacheName(NAME, VERSION), id)

/** What evicts the pages of books with a tag. */
export const taggedWith = (tag: string): string => `tag:${tag}`

const isRevision = Compile(TagsRevision)

export const tagCache = (
  cache: Cache,
  repository: TagRepository,
  lives: { ttl: Duration; negativeTtl: Duration; staleIfError: Duration },
): TagCache =>
  cache.define({
    name: NAME,
    version: VERSION,
    key: (id: number) => id,
    loadMany: (ids) => repository.revisions(ids),
    accepts: (stored) => isRevision.Check(stored),
    ...lives,
  })
