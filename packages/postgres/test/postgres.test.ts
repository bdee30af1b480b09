import { freePort } from '@lockstep/servers'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown, testPostgres } from '@lockstep/testing'
import { sql } from 'kysely'
import { test } from 'tap'
import { faultOf, migrate, openDatabase, PostgresSettings } from '../src/index.ts'

interface Tables {
  things: { name: string }
}

function open(t: Teardown, url: string, env: Record<string, string> = {}) {
  const database = openDatabase<Tables>(
    readSettings(PostgresSettings, { DATABASE_URL: url, ...env }),
    'test',
    recordingLogger(),
  )
  t.teardown(() => database.close())
  return database
}

const faultIn = (work: Promise<unknown>) => work.then(() => undefined, faultOf)

await test('a database, its migrations and its faults', async (t) => {
  const server = await testPostgres(t)

  await t.test('migrations run once, in order, also when two processes try at once', async (t) => {
    const ran: string[] = []
    const step = (name: string) => ({
      async up() {
        ran.push(name)
      },
    })
    const migrations = { '0002-b': step('b'), '0001-a': step('a') }
    const [one, two] = [open(t, server.url), open(t, server.url)]
    const results = await Promise.all([migrate(one.db, migrations), migrate(two.db, migrations)])
    t.same(results.flat().toSorted(), ['0001-a', '0002-b'])
    t.same(ran, ['a', 'b'])
    t.same(await migrate(one.db, migrations), [])
  })

  await t.test('a migration that fails is named, and leaves nothing', async (t) => {
    const { db } = open(t, server.url)
    const migrations = {
      '0001-a': { up: async () => {} },
      '0002-b': { up: async () => {} },
      '0003-broken': {
        up: async (trx: typeof db) => {
          await sql`create table things (name text)`.execute(trx)
          await sql`select no_such_column`.execute(trx)
        },
      },
    }
    await t.rejects(migrate(db, migrations), {
      code: 'LOCKSTEP_MIGRATION_FAILED',
      message: /0003-broken.*no_such_column/,
    })
    const left = await sql<{ found: string | null }>`select to_regclass('things') as found`.execute(db)
    t.equal(left.rows[0]?.found, null)
  })

  await t.test('faults are told apart', async (t) => {
    const { db } = open(t, server.url, { DATABASE_QUERY_TIMEOUT: '3s' })
    await sql`create table things (name text constraint things_name unique)`.execute(db)
    await db.insertInto('things').values({ name: 'a' }).execute()
    t.same(await faultIn(db.insertInto('things').values({ name: 'a' }).execute()), {
      kind: 'unique',
      constraint: 'things_name',
    })
    t.same(await faultIn(sql`select pg_sleep(30)`.execute(db)), { kind: 'unavailable' })
    t.same(await faultIn(sql`select nonsense`.execute(db)), { kind: 'other' })
    t.same(faultOf('not an error'), { kind: 'other' })
  })

  await t.test('counts and short decimals are numbers', async (t) => {
    const { db } = open(t, server.url)
    const { rows } = await sql`select count(*) as n, 4.34::numeric(3,2) as r from things`.execute(db)
    t.same(rows, [{ n: 1, r: 4.34 }])
  })

  await t.test('C3 a database that goes away, and one that was never there, are unavailable', async (t) => {
    const database = open(t, server.url)
    await database.ping()
    const sleeping = faultIn(sql`select pg_sleep(30)`.execute(database.db))
    await server.stop()
    t.same(await sleeping, { kind: 'unavailable' })
    t.same(await faultIn(database.ping()), { kind: 'unavailable' })
    const nowhere = open(t, `postgres://u:hunter2@127.0.0.1:${await freePort()}/db`)
    const error = await nowhere.ping().catch((fault: unknown) => fault)
    t.same(faultOf(error), { kind: 'unavailable' })
    t.notMatch(String(error), /hunter2/)
  })
})
