import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { keySpace } from '@lockstep/redis'
import { codesIn, exampleInReadme, tableInReadme, testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { encodeEntry } from '../src/envelope.ts'
import { createCache, memoryTransport } from '../src/index.ts'
import { CHANNEL, encodeMessage } from '../src/wire.ts'

const readme = new URL('../README.md', import.meta.url)
const example = new URL('../example.ts', import.meta.url)
const text = readFileSync(readme, 'utf8')

await test('the example of the README runs and says what it shows', async (t) => {
  const { url } = await testRedis(t)
  const env = { ...process.env, REDIS_URL: url }
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(example)], {
    env,
    timeout: 30_000,
  })
  const said = stdout.split('\n').filter((line) => / from |^(?:applied|pending)$/.test(line))
  t.same(said, ['Ficciones from source', 'Ficciones from l1', 'applied', 'El Aleph from source'])
  t.ok(exampleInReadme(readme, example, '@lockstep/cache'), 'the README shows this very code')
})

await test('the README names every error code and every count, and no other', async (t) => {
  const codes = tableInReadme(readme, 'Errors').map(([code = '']) => code)
  t.same(codes.toSorted(), codesIn(new URL('../src/', import.meta.url)))
  const cache = createCache({ transport: memoryTransport(), logger: { info() {}, warn() {} } })
  t.same(
    tableInReadme(readme, 'Counts').map(([name]) => name),
    Object.keys(cache.stats()),
  )
})

await test('the README shows messages, entries and keys as they are', async (t) => {
  const { entry, lease, generation } = keySpace('shop')
  const what = { names: ['books:v1:7'], caches: ['top:v1'] }
  const message = encodeMessage('shop', '9b2f6c1e-7d64-4f0e-9a51-0f2f3f1f7a10', what)
  const stored = { value: { id: 42, title: 'Ficciones' }, expiresAt: 1_767_225_600_000 }
  const made = '5e0c1a52-1f6b-4b0e-8a2b-6d1c0f9e7b33'
  t.ok(text.includes(`\n${message}\n`), 'a message')
  t.same(
    tableInReadme(readme, 'The message').map(([field]) => field),
    Object.keys(JSON.parse(message)),
  )
  t.ok(text.includes(`\n${encodeEntry('books:v1:42', made, stored)}\n`), 'an entry')
  t.ok(text.includes(`\n${encodeEntry('books:v1:7', made, { ...stored, value: undefined })}\n`), 'an absence')
  t.same(
    tableInReadme(readme, 'In Redis').map(([key]) => key),
    [entry('books:v1:42'), lease('books:v1:42'), generation('books:v1')],
  )
  t.ok(text.includes(`\`${CHANNEL}\``), 'the channel')
})
