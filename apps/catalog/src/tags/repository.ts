import type { Database } from '@lockstep/postgres'
import { sql, type Transaction } from 'kysely'
import type { CatalogDatabase } from '../database/schema.ts'
import { MAX_TAGS, type TagsOf, type TagsRevision } from './tag.ts'

/** What became of a change of a book's tags. `unchanged`: it had the tag already, or did not have it. */
export type Tagged =
  | { kind: 'done'; of: TagsOf }
  | { kind: 'unchanged'; of: TagsOf }
  | { kind: 'full' }
  | { kind: 'absent' }

/** Tags in Postgres, which is their truth. */
export interface TagRepository {
  /** In the order of the ids; undefined where there is no book. */
  revisions(ids: readonly number[]): Promise<(TagsRevision | undefined)[]>
  /** The tags with the revision that they are, in one look; undefined when there is no book. */
  tagsOf(id: number): Promise<TagsOf | undefined>
  /** Unless the book has as many as it may. */
  add(id: number, tag: string): Promise<Tagged>
  remove(id: number, tag: string): Promise<Tagged>
}

export function tagRepository({ db }: Database<CatalogDatabase>): TagRepository {
  return {
    async revisions(ids) {
      const rows = await db
        .selectFrom('books')
        .select(['id', 'tags_revision'])
        .where('id', 'in', ids)
        .execute()
      const found = new Map(rows.map((row) => [row.id, { id: row.id, revision: row.tags_revision }]))
      return ids.map((id) => found.get(id))
    },

    async tagsOf(id) {
      const row = await db
        .selectFrom('books')
        .select((eb) => [
          'tags_revision',
          eb
            .selectFrom('book_tags')
            .select(sql<string[]>`coalesce(array_agg(tag order by tag collate "C"), '{}')`.as('tags'))
            .whereRef('book_tags.book_id', '=', 'books.id')
            .as('tags'),
        ])
        .where('id', '=', id)
        .executeTakeFirst()
      return row && { id, revision: row.tags_revision, tags: row.tags ?? [] }
    },

    add: (id, tag) =>
      change(id, async (trx, before) => {
        if (before.includes(tag)) return 'unchanged'
        if (before.length >= MAX_TAGS) return 'full'
        await trx.insertInto('book_tags').values({ book_id: id, tag }).execute()
        return [...before, tag].toSorted()
      }),

    remove: (id, tag) =>
      change(id, async (trx, before) => {
        if (!before.includes(tag)) return 'unchanged'
        await trx.deleteFrom('book_tags').where('book_id', '=', id).where('tag', '=', tag).execute()
        return before.filter((other) => other !== tag)
      }),
  }

  /** Changes of one book's tags come one after another, since each begins by locking the book. */
  function change(
    id: number,
    apply: (
      trx: Transaction<CatalogDatabase>,
      before: readonly string[],
    ) => Promise<readonly string[] | 'unchanged' | 'full'>,
  ): Promise<Tagged> {
    return db.transaction().execute(async (trx): Promise<Tagged> => {
      const book = await trx
        .selectFrom('books')
        .select('tags_revision')
        .where('id', '=', id)
        .forNoKeyUpdate()
        .executeTakeFirst()
      if (!book) return { kind: 'absent' }
      const rows = await trx.selectFrom('book_tags').select('tag').where('book_id', '=', id).execute()
      const before = rows.map(({ tag }) => tag).toSorted()
      const after = await apply(trx, before)
      if (after === 'full') return { kind: 'full' }
      if (after === 'unchanged') {
        return { kind: 'unchanged', of: { id, revision: book.tags_revision, tags: before } }
      }
      const { tags_revision: revision } = await trx
        .updateTable('books')
        .set({ tags_revision: sql<string>`gen_random_uuid()` })
        .where('id', '=', id)
        .returning('tags_revision')
        .executeTakeFirstOrThrow()
      return { kind: 'done', of: { id, revision, tags: after } }
    })
  }
}
