import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { test } from 'tap'
import { foldersOfPostgres, freePort, postgresIn, startPostgres } from '../src/index.ts'
import { embeddedBinaries } from '../src/postgres/binaries.ts'
import { waitUntil } from '../src/wait.ts'
import { allGone, familyOf } from './processes.ts'
import { starterOf } from './starter.ts'

const scratch = mkdtempSync(join(tmpdir(), 'lockstep-test-'))
// The user that root runs Postgres as must be able to pass through.
chmodSync(scratch, 0o755)

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows
  } finally {
    await client.end()
  }
}

await test('a throwaway Postgres starts, speaks UTF-8 and leaves no trace', async (t) => {
  const postgres = await startPostgres()
  const family = familyOf(postgres.pid)
  const rows = await query(
    postgres.url,
    `SELECT upper('éß') AS up, current_setting('server_encoding') AS encoding`,
  )
  t.same(rows, [{ up: 'Éß', encoding: 'UTF8' }])
  await t.rejects(
    query(postgres.url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1'),
    /password authentication failed/,
  )
  t.same(await postgres.stop(), { code: 0, signal: null })
  t.same(await allGone(family), [])
  t.notOk(existsSync(postgres.folder))
})

await test('data survive a stop, a kill of the server and a kill of its starter', async (t) => {
  const folder = join(scratch, 'kept')
  const first = await startPostgres({ folder })
  await query(first.url, 'CREATE TABLE kept (n int)')
  await query(first.url, 'INSERT INTO kept VALUES (1)')
  t.equal(statSync(join(first.folder, 'password')).mode & 0o777, 0o600)

  await t.rejects(startPostgres({ folder, vacancyGrace: 100 }), {
    code: 'POSTGRES_ALREADY_RUNNING',
    message: new RegExp(`pid ${first.pid}`),
  })
  t.same(await query(first.url, 'SELECT n FROM kept'), [{ n: 1 }], 'the running one is undisturbed')
  await first.stop()
  t.equal(await postgresIn(join(first.folder, 'data')), undefined)

  const second = await startPostgres({ folder, preferredPort: first.port })
  t.equal(second.port, first.port)
  t.equal(second.url, first.url)
  await query(second.url, 'INSERT INTO kept VALUES (2)')
  await second.kill()
  t.ok(existsSync(join(second.folder, 'data', 'postmaster.pid')), 'a crash leaves its lock file')

  const { starter, pids } = await starterOf('postgres', folder)
  const family = familyOf(pids['postgres'] ?? 0)
  starter.kill('SIGKILL')
  t.same(await allGone(family), [])
  t.notOk(existsSync(join(second.folder, 'data', 'postmaster.pid')), 'a killed starter leaves none')

  const third = await startPostgres({ folder })
  t.same(await query(third.url, 'SELECT n FROM kept ORDER BY n'), [{ n: 1 }, { n: 2 }])
  await third.stop()
})

await test('a lock file whose pid is another process now does not block', async (t) => {
  const folder = join(scratch, 'stale')
  const first = await startPostgres({ folder })
  await first.stop()
  const other = spawn('sleep', ['600'], { stdio: 'ignore' })
  t.teardown(() => other.kill())
  writeFileSync(join(first.folder, 'data', 'postmaster.pid'), `${other.pid}\n${first.folder}/data\n`)
  const second = await startPostgres({ folder })
  await second.stop()
})

await test('an initdb cut short by a kill does not spoil the next start', async (t) => {
  const folder = join(scratch, 'cut')
  const entry = new URL('./fixtures/starter.ts', import.meta.url).pathname
  const starter = spawn(process.execPath, [entry, 'postgres', folder], { stdio: 'ignore' })
  const begun = (): boolean =>
    existsSync(folder) && readdirSync(folder).some((name) => name.startsWith('partial-'))
  t.ok(await waitUntil(begun, { within: 60_000, interval: 2 }))
  starter.kill('SIGKILL')
  await once(starter, 'exit')
  t.notOk(existsSync(join(folder, 'data')))
  const postgres = await startPostgres({ folder })
  t.same(await query(postgres.url, 'SELECT 1 AS one'), [{ one: 1 }])
  t.notOk(readdirSync(folder).some((name) => name.startsWith('partial-')))
  await postgres.stop()
})

await test('a start that is given up leaves no process', async (t) => {
  const folder = join(scratch, 'given-up')
  const giveUp = new AbortController()
  const start = startPostgres({ folder, signal: giveUp.signal })
  await waitUntil(() => existsSync(folder), { within: 60_000, interval: 2 })
  giveUp.abort()
  await t.rejects(start, { code: 'ABORTED' })
  t.equal(await postgresIn(join(folder, 'data')), undefined)
})

await test('a demanded port that is taken is an error', async (t) => {
  const port = await freePort()
  const holder = createServer().listen(port, '127.0.0.1')
  t.teardown(() => holder.close())
  await t.rejects(startPostgres({ port }), {
    code: 'POSTGRES_START_FAILED',
    message: /Address already in use/,
  })
})

await test('a lost password and a platform without a package are told as such', async (t) => {
  const folder = join(scratch, 'lost')
  const postgres = await startPostgres({ folder })
  await postgres.stop()
  rmSync(join(postgres.folder, 'password'))
  await t.rejects(startPostgres({ folder }), { code: 'POSTGRES_PASSWORD_LOST', message: /npm run reset/ })
  await t.rejects(embeddedBinaries('sunos', 'sparc'), {
    code: 'POSTGRES_UNSUPPORTED',
    message: /DATABASE_URL/,
  })
})

await test('a folder that its user cannot reach is replaced by one it can', async (t) => {
  const closed = join(scratch, 'closed')
  mkdirSync(closed, { mode: 0o700 })
  const postgres = await startPostgres({ folder: join(closed, 'postgres') })
  const asRoot = process.getuid?.() === 0
  t.equal(postgres.folder.startsWith('/var/lib/lockstep/'), asRoot)
  t.same(foldersOfPostgres(join(closed, 'postgres')).includes(postgres.folder), true, 'and a reset finds it')
  await postgres.stop()
  rmSync(postgres.folder, { recursive: true })
})

await test('clear up', async () => rmSync(scratch, { recursive: true, force: true }))
