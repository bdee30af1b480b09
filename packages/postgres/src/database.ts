import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { PostgresSettings } from './settings.ts'

/** The part of a pino logger that this package writes to. */
export interface Logger {
  warn(details: object, message: string): void
  info(details: object, message: string): void
}

export interface Database<Tables> {
  /** Typed queries. */
  readonly db: Kysely<Tables>
  /** Answers when the database does. @throws what the driver says when it does not */
  ping(): Promise<void>
  close(): Promise<void>
}

/** Counts and short decimals as numbers, where the driver would give text. One past 2^53 would lose digits: it is refused. */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid, format) {
    if (format === 'binary') return pg.types.getTypeParser(oid, 'binary')
    return OURS.get(oid) ?? pg.types.getTypeParser(oid, 'text')
  },
}

/** By the numbers of `int8` and `numeric`. */
const OURS = new Map<number, (text: string) => number>([
  [20, toSafeInteger],
  [1700, Number],
])

function toSafeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new RangeError(`${text} is too great for a number: select it as text`)
  return value
}

/**
 * A pool of connections with Kysely on top. Nothing connects until the first query, so a service starts without its
 * database (requirement C3); a lost connection is logged and replaced.
 */
export function openDatabase<Tables>(
  settings: PostgresSettings,
  name: string,
  logger: Logger,
): Database<Tables> {
  const pool = new pg.Pool({
    connectionString: settings.DATABASE_URL,
    application_name: name,
    max: settings.DATABASE_POOL_SIZE,
    connectionTimeoutMillis: settings.DATABASE_CONNECT_TIMEOUT,
    // The server gives up first, so that a statement that we gave up is not carried out after all.
    query_timeout: settings.DATABASE_QUERY_TIMEOUT + 1000,
    statement_timeout: settings.DATABASE_QUERY_TIMEOUT,
    idle_in_transaction_session_timeout: settings.DATABASE_QUERY_TIMEOUT * 2,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: true,
    types,
  })
  // The pool listens to idle clients alone, and an error of a client in use that nobody hears ends the process.
  pool.on('connect', (client) => {
    client.on('error', (error) => logger.warn({ code: codeOf(error) }, 'postgres connection lost'))
  })
  pool.on('error', () => {})
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return {
    db,
    ping: async () => void (await pool.query('select 1')),
    close: () => db.destroy(),
  }
}

const codeOf = (error: Error) => ('code' in error ? error.code : error.name)
