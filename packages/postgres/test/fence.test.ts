import { readSettings } from '@lockstep/settings'
import { recordingLogger, testPostgres, until } from '@lockstep/testing'
import { sql } from 'kysely'
import { test } from 'tap'
import { fenced, fencesMigration, migrate, openDatabase, PostgresSettings } from '../src/index.ts'

interface Tables {
  writes: { fence: number }
}

await test('S4 a table that checks the fence', async (t) => {
  const { url } = await testPostgres(t)
  const { db, close } = openDatabase<Tables>(
    readSettings(PostgresSettings, { DATABASE_URL: url }),
    'test',
    recordingLogger(),
  )
  t.teardown(close)
  await migrate(db, { '0001-fences': fencesMigration })
  await sql`create table writes (fence bigint)`.execute(db)
  const write = (fence: number, resource = 'order:42') =>
    fenced(db, { resource, fence }, (trx) => trx.insertInto('writes').values({ fence }).execute())
  const written = async () =>
    (await db.selectFrom('writes').select('fence').orderBy('fence').execute()).map(({ fence }) => fence)

  await t.test('takes the same or a higher one, and refuses a lower one before it writes', async (t) => {
    const now = Date.now() * 1000
    await write(now)
    await write(now)
    await write(now + 1)
    await t.rejects(write(now), { code: 'LOCKSTEP_FENCE_STALE', resource: 'order:42', fence: now })
    t.same(await written(), [now, now, now + 1])
    await write(1, 'order:43')
    t.equal((await written()).length, 4, 'each resource by itself')
  })

  await t.test('what a write throws undoes it, and its fence', async (t) => {
    const mistake = new Error('out of stock')
    const broken = fenced(db, { resource: 'order:44', fence: 10 }, async (trx) => {
      await trx.insertInto('writes').values({ fence: 10 }).execute()
      throw mistake
    })
    await t.rejects(broken, mistake)
    t.notOk((await written()).includes(10))
    await write(9, 'order:44')
  })

  await t.test(
    'one holder at a time, however they overlap: the last to write has the highest fence',
    async (t) => {
      const entered = Promise.withResolvers<void>()
      const leave = Promise.withResolvers<void>()
      const order: string[] = []
      const slow = fenced(db, { resource: 'order:45', fence: 1 }, async () => {
        entered.resolve()
        await leave.promise
        order.push('old')
      })
      await entered.promise
      const later = fenced(db, { resource: 'order:45', fence: 2 }, async () => {
        order.push('new')
      })
      await until('the later one waits for the lock of the row', async () => {
        const { rows } = await sql`select 1 from pg_locks where not granted`.execute(db)
        return rows.length > 0
      })
      leave.resolve()
      await Promise.all([slow, later])
      t.same(order, ['old', 'new'])
      await t.rejects(write(1, 'order:45'), { code: 'LOCKSTEP_FENCE_STALE' })
    },
  )
})
