import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { startCatalog } from './fixtures/catalog.ts'

const main = fileURLToPath(new URL('../src/import/main.ts', import.meta.url))
const HEADER =
  'book_id,isbn,isbn13,authors,original_publication_year,original_title,title,language_code,average_rating,ratings_count\n'

await test('an import evicts what it changes from the caches of the service, as any writer does', async (t) => {
  const [catalog, redis] = await Promise.all([startCatalog(t), testRedis(t)])
  const env = { DATABASE_URL: catalog.url, REDIS_URL: redis.url, LOCKSTEP_HOME: t.testdir() }
  const app = createApp(readConfig({ ...env, LOG_LEVEL: 'silent', REDIS_COMMAND_TIMEOUT: '10s' }))
  t.teardown(() => app.close())
  const get = async (url: string) => {
    const reply = await app.inject(url)
    return { status: reply.statusCode, from: String(reply.headers['cache-status']), body: reply.json() }
  }
  const importRow = async (title: string) => {
    const file = `${env.LOCKSTEP_HOME}/books.csv`
    writeFileSync(file, `${HEADER}1,439023483,,Suzanne Collins,2008.0,,${title},eng,4.34,4780653\n`)
    const child = spawn(process.execPath, [main, file], { env: { ...process.env, ...env }, stdio: 'ignore' })
    const code = await new Promise((resolve) => child.once('exit', resolve))
    t.equal(code, 0)
  }
  await until('the bus is up', async () => (await get('/health')).body.status === 'healthy')

  t.match(await get('/books'), { body: { total: 0 } })
  t.match(await get('/books/isbn/0439023483'), { status: 404 }, 'absence is in the cache now')
  await importRow('The Hunger Games')
  await until('the page is fresh', async () => (await get('/books')).body.total === 1)
  const found = await get('/books/isbn/0439023483')
  t.match(found, { status: 200, body: { title: 'The Hunger Games', isbn10: '0439023483' } })
  t.match(await get(`/books/${found.body.id}/source`), {
    body: { isbn: '439023483', average_rating: '4.34' },
  })

  await until('it is in L1', async () =>
    (await get(`/books/${found.body.id}`)).from.startsWith('lockstep-l1; hit'),
  )
  await importRow('The Hunger Games!')
  const fresh = async () => (await get(`/books/${found.body.id}`)).body.title === 'The Hunger Games!'
  t.ok(await until('the book is fresh', fresh))
})
