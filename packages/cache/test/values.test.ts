import { recordingLogger } from '@lockstep/testing'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { test } from 'tap'
import { type CacheOptions, createCache, memoryTransport, msgpackCodec } from '../src/index.ts'
import { type Book, fleet, settle } from './fleet.ts'

const isBook = (stored: unknown): stored is Book =>
  typeof stored === 'object' && stored !== null && 'title' in stored && typeof stored.title === 'string'

await test('K12 a value that is too large is not cached, and says so once a key, with its size', async (t) => {
  const { a, source, logger, server } = await fleet({ define: { maxValueBytes: 100 } })
  source.set(1, { title: 'x'.repeat(100) })
  source.set(2, { title: 'y'.repeat(200) })
  for (const id of [1, 1, 2]) t.match(await a.books.read(id), { from: 'source', stored: false })
  await settle()
  t.same(server.shard.names(), [])
  t.equal(server.shard.state.leases.size, 0, 'nobody waits for it')
  t.same(logger.lines, [
    {
      level: 'warn',
      message: 'a value is too large to be cached',
      details: { name: 'books:v1:1', bytes: 112, limit: 100 },
    },
    {
      level: 'warn',
      message: 'a value is too large to be cached',
      details: { name: 'books:v1:2', bytes: 212, limit: 100 },
    },
  ])
  t.equal(a.cache.stats().unstorable, 3)
})

await test('K7 a value that cannot be encoded is an error in the log that names the key; the read succeeds', async (t) => {
  const { a, logger } = await fleet()
  const counts = a.cache.define<number, { n: bigint }>({
    name: 'counts',
    version: 1,
    key: (id) => id,
    load: async () => ({ n: 1n }),
    ttl: '1m',
  })
  t.same(await counts.get(1), { n: 1n })
  t.match(await counts.read(1), { from: 'source', stored: false })
  t.match(logger.lines, [
    {
      level: 'error',
      message: 'a value cannot be cached',
      details: { name: 'counts:v1:1', code: 'LOCKSTEP_ENCODE_FAILED' },
    },
  ])
  t.equal(logger.lines.length, 1)
  t.match(await counts.set(1, { n: 2n }), { result: 'invalidated', outcome: 'applied' })
})

await test('an entry of another shape, codec or format reads as absent, and is replaced', async (t) => {
  const { a, b, server, source } = await fleet({ size: 2 })
  const define = { name: 'films', version: 1, key: (id: number) => id, ttl: '1m' } as const
  const before = a.cache.define<number, { name: string }>({ ...define, load: async () => ({ name: 'x' }) })
  let loads = 0
  const load = async () => ({ title: `film ${++loads}` })
  const checked = b.cache.define<number, Book>({ ...define, accepts: isBook, load })
  await before.get(1)
  await settle()
  t.match(await checked.read(1), { from: 'source', value: { title: 'film 1' }, stored: true })

  const c = { ...define, name: 'packs' }
  await a.cache.define<number, Book>({ ...c, load }).get(1)
  await settle()
  const packed = b.cache.define<number, Book>({ ...c, codec: msgpackCodec, load })
  t.match(await packed.read(1), { from: 'source', value: { title: 'film 3' } })

  for (const garbage of [Buffer.from('{"f":1}'), Buffer.alloc(0), Buffer.alloc(200)]) {
    server.shard.state.entries.set('books:v1:42', { bytes: garbage, expiresAt: Number.MAX_SAFE_INTEGER })
    source.set(42, { title: 'second' })
    t.match(await b.books.read(42), { from: 'source', value: { title: 'second' }, stored: true })
    await settle()
    t.match(await a.books.read(42), { from: 'l2', value: { title: 'second' } }, 'replaced')
    await a.books.invalidate(42)
  }
})

await test('a schema checks what comes from L2, and may transform it', async (t) => {
  const validate = (value: unknown): StandardSchemaV1.Result<Date> =>
    typeof value === 'string' ? { value: new Date(value) } : { issues: [{ message: 'no date' }] }
  const schema: StandardSchemaV1<unknown, Date> = { '~standard': { version: 1, vendor: 'test', validate } }
  const { a, b } = await fleet({ size: 2 })
  const day = new Date(0)
  const define = {
    name: 'days',
    version: 1,
    key: (id: number) => id,
    ttl: '1m',
    load: async () => day,
  } as const
  await a.cache.define<number, Date>({ ...define, schema }).get(1)
  await settle()
  t.same(await b.cache.define<number, Date>({ ...define, schema }).read(1), {
    ...(await b.cache.define<number, Date>({ ...define, name: 'other', schema }).read(1)),
    from: 'l2',
    stored: true,
    value: day,
    ttl: 60_000,
  })
})

await test('a schema that answers later, or a check that throws, reads as absent and is logged', async (t) => {
  const { a, b, logger } = await fleet({ size: 2 })
  const later: StandardSchemaV1<unknown, Book> = {
    '~standard': { version: 1, vendor: 'test', validate: async () => ({ value: { title: 'late' } }) },
  }
  const define = {
    name: 'films',
    version: 1,
    key: (id: number) => id,
    ttl: '1m',
    load: async () => ({ title: 'x' }),
  } as const
  await a.cache.define<number, Book>(define).get(1)
  await settle()
  t.match(await b.cache.define<number, Book>({ ...define, schema: later }).read(1), { from: 'source' })
  t.match(logger.lines, [
    {
      message: 'an entry cannot be read',
      details: { name: 'films:v1:1', reason: 'the schema must answer synchronously' },
    },
  ])
})

await test('an id or a name that is not well-formed text is refused: its bytes would be those of another', async (t) => {
  const { a, server } = await fleet()
  const notes = a.cache.define<string, string>({
    name: 'notes',
    version: 1,
    key: (id) => id,
    ttl: '1m',
    load: async (id) => JSON.stringify(id),
  })
  const odd = '\ud800'
  const refused = { name: 'DefinitionError', message: /well-formed|is not the name/ }
  await t.rejects(notes.get(odd), refused)
  await t.rejects(notes.getMany(['x', odd]), refused)
  await t.rejects(notes.refresh(odd), refused)
  await t.rejects(a.cache.invalidate({ keys: [`notes:v1:${odd}`] }), refused)
  t.notOk(server.shard.names().some((name) => name !== 'notes:v1:x'))
  t.equal(await notes.get('\u{1f600}'), '"\u{1f600}"', 'a pair of surrogates is')
})

await test('a definition that is wrong is refused, by name', async (t) => {
  const { a } = await fleet()
  const right = {
    name: 'films',
    version: 1,
    key: (id: number) => id,
    ttl: '1m',
    load: async () => 1,
  } as const
  const wrongs = {
    'There is a cache books:v1 already': { name: 'books' },
    'A cache cannot be named lease': { name: 'lease' },
    'A cache is named in lower case letters': { name: 'Films!' },
    'The version of films must be a whole number': { version: 1.5 },
    'The jitter of films must be from 0 up to 1': { jitter: 1 },
    'The earlyRefresh of films must be a number from 0': { earlyRefresh: -1 },
    'The maxEntries of films must be a whole number above 0': { maxEntries: 0 },
    'both load and loadMany': { loadMany: async () => [] },
  }
  for (const [message, wrong] of Object.entries(wrongs)) {
    t.throws(() => a.cache.define<number, number>({ ...right, ...wrong }), {
      name: 'DefinitionError',
      message: new RegExp(message),
    })
  }
  t.throws(() => a.cache.define({ ...right, ttl: '-1s' }), { name: 'DurationError', message: /films:v1 ttl/ })
})

await test('options that are wrong are refused, by name', async (t) => {
  const wrongs: [Partial<CacheOptions>, RegExp][] = [
    [{ l1: { maxEntries: 0 } }, /l1.maxEntries must be a whole number above 0, not 0/],
    [{ l1: { maxBytes: 1.5 } }, /l1.maxBytes/],
    [{ maxStaleness: 0 }, /maxStaleness must be longer than 0/],
    [{ fillLease: '0s' }, /fillLease must be longer than 0/],
  ]
  for (const [wrong, message] of wrongs) {
    t.throws(() => createCache({ transport: memoryTransport(), logger: recordingLogger(), ...wrong }), {
      name: 'DefinitionError',
      message,
    })
  }
})
