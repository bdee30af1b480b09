import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@lockstep/servers'
import tap, { test } from 'tap'
import { startCatalog } from './fixtures/catalog.ts'
import { command, homeOf, longFile, troubled } from './fixtures/command.ts'

const catalog = await startCatalog(tap)

await test('no fleet', async (t) => {
  const hint = 'The fleet is not running: start it with `npm start`, or set DATABASE_URL'
  const home = homeOf(t)
  const absent = await command(home, [troubled]).ended
  t.same(absent, { code: 1, stdout: '', stderr: `LOCKSTEP_IMPORT_NO_FLEET: ${hint}\n` })
  writeFileSync(join(home, 'fleet.json'), '{"databaseUrl":')
  t.same(await command(home, [troubled]).ended, absent, 'a half-written file')

  const url = `postgres://ann:secret@127.0.0.1:${await freePort()}/x`
  writeFileSync(join(home, 'fleet.json'), JSON.stringify({ databaseUrl: url }))
  const stopped = await command(home, [troubled]).ended
  t.equal(stopped.code, 1)
  t.ok(stopped.stderr.startsWith(`LOCKSTEP_IMPORT_DATABASE_AWAY: ${hint} (`))
  const elsewhere = await command(home, [troubled], { DATABASE_URL: url }).ended
  t.match(
    elsewhere.stderr,
    /^LOCKSTEP_IMPORT_DATABASE_AWAY: The database that DATABASE_URL names does not answer \(.*\)\n$/,
  )
  t.notMatch(stopped.stderr + elsewhere.stderr, /secret/)
})

await test('a database without its tables', async (t) => {
  const bare = await startCatalog(t, { migrated: false })
  const { code, stderr } = await command(homeOf(t, bare.url), [troubled]).ended
  t.equal(code, 1)
  t.match(stderr, /^LOCKSTEP_IMPORT_NOT_MIGRATED: .*npm start/)
})

await test('a report that cannot be written, or would overwrite the file', async (t) => {
  const home = homeOf(t, catalog.url)
  const path = join(home, longFile(home))
  const before = readFileSync(path)
  const same = await command(home, ['long.csv', '--report', './long.csv']).ended
  t.match(same, { code: 1, stderr: /^LOCKSTEP_IMPORT_REPORT: .* is the file to import/ })
  t.same(readFileSync(path), before)
  const folder = await command(home, ['long.csv', '--report', '.']).ended
  t.match(folder, { code: 1, stderr: /^LOCKSTEP_IMPORT_REPORT: .* cannot be written/ })
  t.same(await catalog.books(), [])
})
