import type { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'

/**
 * Brings the schema up to date, under Postgres's own advisory lock, so that several processes may try at once.
 *
 * @param migrations by name; they run in the order of their names
 * @param owner a service that shares its database with others, whose migrations are kept apart from theirs
 * @returns the names of those that ran now
 * @throws {MigrationError} naming the migration that failed; it left nothing behind
 */
export async function migrate<T>(
  db: Kysely<T>,
  migrations: Record<string, Migration>,
  owner?: string,
): Promise<string[]> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
    ...(owner === undefined
      ? {}
      : { migrationTableName: `${owner}_migrations`, migrationLockTableName: `${owner}_migrations_lock` }),
  })
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error !== undefined) {
    throw new MigrationError(results.find(({ status }) => status === 'Error')?.migrationName, error)
  }
  return results.map(({ migrationName }) => migrationName)
}

export class MigrationError extends Error {
  readonly code = 'LOCKSTEP_MIGRATION_FAILED'

  constructor(migration: string | undefined, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    super(`${migration ? `Migration ${migration}` : 'Reading the migrations'} failed: ${reason}`, { cause })
    this.name = 'MigrationError'
  }
}
