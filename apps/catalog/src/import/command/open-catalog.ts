import { type Database, faultOf, openDatabase, PostgresSettings } from '@lockstep/postgres'
import { type Environment, readSettings } from '@lockstep/settings'
import { sql } from 'kysely'
import type { CatalogDatabase } from '../../database/schema.ts'
import { silent } from '../../silent.ts'
import { codeOf, ImportFault, messageOf } from '../fault.ts'
import type { FleetAddresses } from './fleet.ts'

const UNDEFINED_TABLE = '42P01'

/** A batch is one long statement, which may wait for another import's. */
const defaults = { DATABASE_POOL_SIZE: '1', DATABASE_CONNECT_TIMEOUT: '5s', DATABASE_QUERY_TIMEOUT: '60s' }

/** Opens the catalogue's database and sees that it answers. @throws {ImportFault} when it does not, or has no books */
export async function openCatalog(
  { databaseUrl, whenAway }: FleetAddresses,
  env: Environment,
): Promise<Database<CatalogDatabase>> {
  const settings = readSettings(PostgresSettings, { ...defaults, ...env, DATABASE_URL: databaseUrl })
  const database = openDatabase<CatalogDatabase>(settings, 'lockstep-import', silent)
  try {
    await sql`select from books limit 0`.execute(database.db)
    return database
  } catch (error) {
    await database.close()
    throw openingFault(error, whenAway)
  }
}

function openingFault(error: unknown, whenAway: string): unknown {
  if (codeOf(error) === UNDEFINED_TABLE) {
    const message = 'The database has no table of books yet: start the fleet with `npm start`, which makes it'
    return new ImportFault('LOCKSTEP_IMPORT_NOT_MIGRATED', message, { cause: error })
  }
  if (faultOf(error).kind !== 'unavailable') return error
  const message = `${whenAway} (${messageOf(error)})`
  return new ImportFault('LOCKSTEP_IMPORT_DATABASE_AWAY', message, { cause: error })
}
