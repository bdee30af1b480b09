import { type Kysely, sql } from 'kysely'

/**
 * Tags of books. A book has another revision after each change of its tags: a UUID and not a number, so that after a
 * database was restored or made anew no revision comes a second time with other tags.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table book_tags (
      book_id integer not null references books (id) on delete cascade,
      tag     text not null,
      primary key (book_id, tag)
    )`.execute(db)
  await sql`create index book_tags_tag on book_tags (tag, book_id)`.execute(db)
  await sql`alter table books add column tags_revision uuid`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table books drop column tags_revision`.execute(db)
  await sql`drop table book_tags`.execute(db)
}
