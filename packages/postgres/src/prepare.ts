import type { Environment } from '@lockstep/settings'
import type { Migration } from 'kysely/migration'
import { type Database, openDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import type { PostgresSettings } from './settings.ts'

/** What makes a service's database ready. */
export interface Preparation<Tables, Settings extends PostgresSettings> {
  /** The service, for people. */
  readonly name: string
  /** @throws {SettingsError} */
  readonly settings: (env: Environment) => Settings
  readonly migrations: Record<string, Migration>
  /** As in {@link migrate}. */
  readonly owner?: string
  /** What must be there besides the schema. Resolves to what it did and found, for people. */
  readonly fill?: (database: Database<Tables>, settings: Settings) => Promise<Record<string, unknown>>
}

/** The part of `process` that a program uses. */
export interface Program {
  readonly env: Environment
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  exitCode?: string | number | null | undefined
}

/** A program that a person runs says what happens in its own words. */
const silent = { info: () => {}, warn: () => {} }

/** Migrations may take longer than any query of a service, unless DATABASE_QUERY_TIMEOUT says how long. */
const PATIENCE = '60s'

/**
 * The program that makes a service's database ready before its first replica starts: its schema up to date, and what must
 * be in it. Any number may run at once. It prints what it did as one line of JSON, or why it could not as one line of text,
 * and then sets the exit code to 1.
 */
export async function prepareDatabase<Tables, Settings extends PostgresSettings>(
  { name, settings: read, migrations, owner, fill }: Preparation<Tables, Settings>,
  program: Program,
): Promise<void> {
  try {
    const { env } = program
    const settings = read({ ...env, DATABASE_QUERY_TIMEOUT: env['DATABASE_QUERY_TIMEOUT'] || PATIENCE })
    const database = openDatabase<Tables>(settings, `${name}-prepare`, silent)
    try {
      const applied = await migrate(database.db, migrations, owner)
      const filled = await fill?.(database, settings)
      program.stdout.write(`${JSON.stringify({ migrations: applied.length, ...filled })}\n`)
    } finally {
      await database.close()
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'Error'
    const message = (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ')
    program.stderr.write(`The database of ${name} cannot be prepared: ${code}: ${message}\n`)
    program.exitCode = 1
  }
}
