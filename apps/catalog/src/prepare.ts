import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { migrate, openDatabase, PostgresSettings } from '@lockstep/postgres'
import { readSettings } from '@lockstep/settings'
import { migrations } from './database/migrations/index.ts'
import type { CatalogDatabase } from './database/schema.ts'
import { loadGenerated } from './seed/load.ts'
import { silent } from './silent.ts'

/** Makes the database ready before the first replica starts: its schema up to date, and books in an empty catalogue. */
async function prepare(): Promise<{ migrations: number; books: number; loaded: number }> {
  const patience = process.env['DATABASE_QUERY_TIMEOUT'] || '60s'
  const settings = readSettings(PostgresSettings, { ...process.env, DATABASE_QUERY_TIMEOUT: patience })
  const database = openDatabase<CatalogDatabase>(settings, 'lockstep-prepare', silent)
  try {
    const applied = await migrate(database.db, migrations)
    const catalogue = await loadGenerated(database.db)
    if (catalogue.loaded > 0) warmUp()
    return { migrations: applied.length, ...catalogue }
  } finally {
    await database.close()
  }
}

/** On a first start, has a replica's code in Node's compile cache before three ask for it at once. */
function warmUp(): void {
  spawnSync(process.execPath, [fileURLToPath(import.meta.resolve('./server.ts')), '--check'], {
    stdio: 'ignore',
  })
}

try {
  process.stdout.write(`${JSON.stringify(await prepare())}\n`)
} catch (error) {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'Error'
  const message = (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ')
  process.stderr.write(`The catalogue's database cannot be prepared: ${code}: ${message}\n`)
  process.exitCode = 1
}
