import { type Kysely, sql, type Transaction } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Makes the table in which the highest fence that each resource has seen is kept. */
export const fencesMigration: Migration = {
  async up(db) {
    await db.schema
      .createTable('lockstep_fences')
      .addColumn('resource', 'text', (column) => column.primaryKey())
      .addColumn('fence', 'bigint', (column) => column.notNull())
      .execute()
  },
  async down(db) {
    await db.schema.dropTable('lockstep_fences').execute()
  },
}

/** Somebody with a higher fence was here: the caller's lock was lost, though it may not know yet. Nothing of it was kept. */
export class StaleFenceError extends Error {
  readonly code = 'LOCKSTEP_FENCE_STALE'
  readonly resource: string
  readonly fence: number

  constructor(resource: string, fence: number) {
    super(`A later holder has written to ${resource} already: fence ${fence} is stale`)
    this.name = 'StaleFenceError'
    this.resource = resource
    this.fence = fence
  }
}

/**
 * Does the writes of a lock's holder in one transaction, which commits only if nobody with a higher fence has written
 * before. From its first statement on, other holders of the resource wait for it to end; so whoever comes later and has a
 * higher fence sees all of it, and whoever was paused and has a lower one is refused.
 *
 * @param fence of the lock that the caller holds, or held
 * @throws {StaleFenceError} before `write` is called; or what `write` throws, and then nothing is kept
 * @see https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html
 */
export function fenced<Tables, Result>(
  db: Kysely<Tables>,
  { resource, fence }: { readonly resource: string; readonly fence: number },
  write: (transaction: Transaction<Tables>) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (transaction) => {
    const { rows } = await sql`
      insert into lockstep_fences as stored (resource, fence) values (${resource}, ${fence})
      on conflict (resource) do update set fence = excluded.fence where stored.fence <= excluded.fence
      returning stored.fence`.execute(transaction)
    if (rows.length === 0) throw new StaleFenceError(resource, fence)
    return write(transaction)
  })
}
