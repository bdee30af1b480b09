import { readSettings } from '@lockstep/settings'
import type { Generated } from 'kysely'
import { faultOf, migrate, openDatabase, PostgresSettings } from './src/index.ts'

interface Tables {
  notes: { id: Generated<number>; slug: string }
}

const settings = readSettings(PostgresSettings, process.env)
const database = openDatabase<Tables>(settings, 'example-1', console)
const { db } = database

const ran = await migrate(db, {
  '0001-notes': {
    up: (trx) =>
      trx.schema
        .createTable('notes')
        .addColumn('id', 'serial', (column) => column.primaryKey())
        .addColumn('slug', 'text', (column) => column.notNull().unique())
        .execute(),
  },
})
process.stdout.write(`ran ${ran.join(', ')}\n`)

await db.insertInto('notes').values({ slug: 'first' }).execute()
try {
  await db.insertInto('notes').values({ slug: 'first' }).execute()
} catch (error) {
  const fault = faultOf(error)
  if (fault.kind !== 'unique') throw error
  process.stdout.write(`taken: ${fault.constraint}\n`)
}
await database.close()
