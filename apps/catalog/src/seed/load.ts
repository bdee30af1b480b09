import { type Kysely, sql } from 'kysely'
import { bookColumns } from '../database/columns.ts'
import type { CatalogDatabase } from '../database/schema.ts'
import { GENERATED_BOOKS, generateBooks } from './generate.ts'
import { seededRandom } from './random.ts'

/** The advisory lock of the first start: of two launchers, one loads, and the other then finds the books. */
const SEED_LOCK = 0x4c_53_53_44
const ROWS_A_STATEMENT = 500
const SEED = 2026

/**
 * Loads the generated books into an empty catalogue, all or none, with the ids from 1 on; ids of later books follow.
 *
 * @returns how many books there are now, and how many of them were loaded
 */
export function loadGenerated(db: Kysely<CatalogDatabase>): Promise<{ books: number; loaded: number }> {
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${SEED_LOCK})`.execute(trx)
    const { count } = await trx
      .selectFrom('books')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    if (count > 0) return { books: count, loaded: 0 }
    const rows = generateBooks(GENERATED_BOOKS, seededRandom(SEED)).map((book, index) => ({
      id: index + 1,
      ...bookColumns(book),
    }))
    for (let start = 0; start < rows.length; start += ROWS_A_STATEMENT) {
      await trx
        .insertInto('books')
        .values(rows.slice(start, start + ROWS_A_STATEMENT))
        .execute()
    }
    await sql`select setval(pg_get_serial_sequence('books', 'id'), ${rows.length})`.execute(trx)
    return { books: rows.length, loaded: rows.length }
  })
}
