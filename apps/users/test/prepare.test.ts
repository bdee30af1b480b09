import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { testPostgres } from '@lockstep/testing'
import { test } from 'tap'
import { firstAdmin } from '../src/accounts/first-admin.ts'
import { userRepository } from '../src/accounts/repository.ts'
import { ADMIN, cheapPasswords, databaseOf } from './fixtures/shop.ts'

const program = fileURLToPath(new URL('../src/prepare.ts', import.meta.url))

async function prepare(env: Record<string, string>) {
  const child = spawn(process.execPath, [program], { env: { ...process.env, ...env } })
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    child.exitCode ?? once(child, 'exit'),
  ])
  return { code: child.exitCode, stdout, stderr }
}

await test('prepare: the schema, and a first admin, once', async (t) => {
  const postgres = await testPostgres(t)
  const env = { DATABASE_URL: postgres.url, PASSWORD_MEMORY: '7168', PASSWORD_PASSES: '1' }
  const asked = { ...env, ADMIN_EMAIL: ' Root@example.org', ADMIN_PASSWORD: ADMIN.password }
  const [one, other] = await Promise.all([prepare(asked), prepare(asked)])
  t.same([one.code, other.code], [0, 0], one.stderr + other.stderr)
  const said = [one, other].map(({ stdout }) => JSON.parse(stdout))
  t.equal(said[0].migrations + said[1].migrations, 1, 'one of two at once migrates')
  t.same(new Set(said.map(({ admin }) => admin)), new Set(['created', 'present']), 'and one makes the admin')

  const repository = userRepository(databaseOf(t, postgres.url))
  const { items } = await repository.page({ skip: 0, limit: 10 })
  t.match(items, [{ id: Number, email: 'Root@example.org', roles: ['admin'] }])
  const { id = 0 } = items[0] ?? {}
  const stored = await repository.credentials(id)
  t.equal(await cheapPasswords().verify(ADMIN.password, stored?.passwordHash), 'right')

  const passwords = cheapPasswords()
  const admin = { ADMIN_EMAIL: 'ROOT@example.org', ADMIN_PASSWORD: 'another-password-of-root' }
  t.equal(await firstAdmin(repository, passwords, admin), 'present')
  t.match((await repository.credentials(id))?.passwordHash, stored?.passwordHash, 'it is left as it is')
  t.equal(await firstAdmin(repository, passwords, {}), 'none')
  for (const given of [
    { ADMIN_EMAIL: 'root' },
    { ADMIN_EMAIL: 'root@example.org' },
    { ADMIN_PASSWORD: ADMIN.password },
    { ADMIN_EMAIL: 'root@example.org', ADMIN_PASSWORD: 'short' },
  ]) {
    await t.rejects(firstAdmin(repository, passwords, given), { code: 'LOCKSTEP_SETTINGS_INVALID' })
  }
  t.equal((await repository.page({ skip: 0, limit: 1 })).total, 1)
  const wrong = await prepare({ ...env, ADMIN_EMAIL: 'root', ADMIN_PASSWORD: 'hunter2' })
  t.match(wrong, {
    code: 1,
    stderr:
      /^The database of users cannot be prepared: LOCKSTEP_SETTINGS_INVALID: .*ADMIN_EMAIL.*ADMIN_PASSWORD/,
  })
  t.notMatch(wrong.stderr, /hunter2/)
})

await test('prepare: a database that is away is said in one line', async (t) => {
  const { code, stdout, stderr } = await prepare({
    DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/none',
  })
  t.match({ code, stdout }, { code: 1, stdout: '' })
  t.match(stderr, /^The database of users cannot be prepared: [^\n]+\n$/)
  t.notMatch(stderr, /hunter2/)
})
