import tap, { beforeEach, test } from 'tap'
import { startCatalog, type TestCatalog } from './fixtures/catalog.ts'
import { command, homeOf, ISBN_OF_700, longFile } from './fixtures/command.ts'

const catalog = await startCatalog(tap)
beforeEach(async () => {
  await catalog.db.deleteFrom('books').execute()
})

/** Has the second batch wait for a writer of the service, which gives up once `meanwhile` is done. */
async function whileSecondBatchWaits(
  { db, someoneWaits }: Pick<TestCatalog, 'db' | 'someoneWaits'>,
  meanwhile: () => unknown,
): Promise<void> {
  const giveUp = new Error('the writer of the service gives up')
  const writer = db.transaction().execute(async (service) => {
    const blocker = { title: 'Blocker', authors: ['Bo'], isbn10: ISBN_OF_700, search_text: '' }
    await service.insertInto('books').values(blocker).execute()
    await someoneWaits()
    await meanwhile()
    throw giveUp
  })
  await writer.catch(() => {})
}

await test('Ctrl-C finishes the batch at hand and counts it; the same command completes the import', async (t) => {
  const home = homeOf(t, catalog.url)
  const running = command(home, [longFile(home)])
  await whileSecondBatchWaits(catalog, running.interrupt)
  const { code, stdout, stderr } = await running.ended
  t.equal(code, 130)
  t.match(stdout, /inserted 1000, updated 0, unchanged 0, rejected 0/)
  t.match(stderr, /the same command completes it/)
  t.equal((await catalog.books()).length, 1000)
  t.match(
    (await command(home, ['long.csv']).ended).stdout,
    /inserted 200, updated 0, unchanged 1000, rejected 0/,
  )
})

await test('a database that goes away half-way: what was committed is counted', async (t) => {
  const doomed = await startCatalog(t)
  const home = homeOf(t)
  const running = command(home, [longFile(home)], { DATABASE_URL: doomed.url })
  await whileSecondBatchWaits(doomed, doomed.kill)
  const { code, stdout, stderr } = await running.ended
  t.equal(code, 1)
  t.match(stdout, /inserted 500, updated 0, unchanged 0, rejected 0/)
  t.match(
    stderr,
    /^LOCKSTEP_IMPORT_DATABASE_AWAY: The database went away .* from line 502 to line 1001\..*completes it\n$/,
  )
})
