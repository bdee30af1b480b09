import { readFileSync } from 'node:fs'
import { keySpace } from '@lockstep/redis'
import { toMilliseconds } from '@lockstep/settings'
import { codesIn, recordingLogger, settingsOf, tableInReadme } from '@lockstep/testing'
import { test } from 'tap'
import {
  bytesCodec,
  createCache,
  jsonCodec,
  memoryTransport,
  msgpackCodec,
  TAGS_OFFSET,
  TtlSettings,
} from '../src/index.ts'
import { NamedCache } from '../src/named-cache.ts'
import { boundsOf } from '../src/options.ts'
import { ALL_GUARDS } from '../src/protocol/guards.ts'
import { decodeMessage, encodeChange, encodeFilled } from '../src/protocol/wire.ts'
import { policyOf } from '../src/read/policy.ts'

const readme = new URL('../README.md', import.meta.url)
const guarantees = new URL('../../../docs/guarantees.md', import.meta.url)
const rows = (heading: string) => tableInReadme(readme, heading)
const first = (heading: string) => rows(heading).map(([cell = '']) => cell)
/** `load(key, { signal })` is `load`, and one cell may have several names. */
const names = (cells: readonly string[]) =>
  cells.flatMap((cell) => cell.replaceAll(/\([^)]*\)/g, '').split(', ')).toSorted()

const source = (file: string) => readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8')

const isDuration = (text: string): text is `${number}s` => /^\d+s$/.test(text)

/** A default as the tables write it. */
function msOf(text: string): number {
  if (text === 'never') return Number.POSITIVE_INFINITY
  return isDuration(text) ? toMilliseconds(text) : Number(text)
}

/** The fields that an interface in our sources declares. */
function fieldsOf(file: string, name: string): string[] {
  const [, body = ''] = new RegExp(`interface ${name}\\b[^{]*\\{\\n(.*?)\\n\\}`, 's').exec(source(file)) ?? []
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].flatMap(([, field = '']) => field).toSorted()
}

await test('the README names every field of what is given and what comes back, and no other', async (t) => {
  t.same(names(first('Definition')), fieldsOf('read/policy.ts', 'Definition'))
  t.same(names(first('Cache options')), fieldsOf('options.ts', 'CacheOptions'))
  t.same(names(first('Reading')), fieldsOf('read/flight.ts', 'Reading'))
  t.same(names(first('Invalidated')), fieldsOf('write/writes.ts', 'Invalidated'))
  t.same(names(first('Mutated')), fieldsOf('write/mutation.ts', 'Mutated'))
  const [, events = ''] = /type ShardEvent = (.*)/.exec(source('tiers/shard.ts')) ?? []
  t.equal(
    first('Events')
      .map((type) => `'${type}'`)
      .join(' | '),
    events,
  )
})

await test('the README has the defaults of the code', async (t) => {
  const numbers = (values: object) => new Map(Object.entries(values).filter(([, v]) => typeof v === 'number'))
  const policy = numbers(policyOf({ name: 'books', version: 1, key: (id: number) => id, ttl: 1 }))
  const bounds = numbers(boundsOf({ transport: memoryTransport(), logger: recordingLogger() }))
  let compared = 0
  for (const [table, defaults] of [
    ['Definition', policy],
    ['Cache options', bounds],
  ] as const) {
    for (const [name = '', value = ''] of rows(table)) {
      if (!defaults.has(name) || value === '') continue
      compared++
      t.equal(msOf(value), defaults.get(name), name)
    }
  }
  t.equal(compared, 12)
  t.same(
    rows('Settings').map(([name, value]) => [name, value]),
    settingsOf(TtlSettings),
  )
})

await test('the README names everything that a cache and a named cache can do, every count, and every error', async (t) => {
  const cache = createCache({ transport: memoryTransport(), logger: recordingLogger() })
  t.teardown(() => cache.close())
  const methods = Object.getOwnPropertyNames(NamedCache.prototype).filter((name) => name !== 'constructor')
  const all = [
    ...Object.keys(cache).map((name) => `cache.${name}`),
    ...[...methods, 'name'].map((name) => `books.${name}`),
  ]
  t.same(names(first('API')), all.toSorted())
  t.same(first('Counts'), Object.keys(cache.stats()))
  t.same(first('Errors').toSorted(), codesIn(new URL('../src/', import.meta.url)))
  for (const [code = '', name = ''] of rows('Errors')) {
    const files = ['errors.ts', 'codec/errors.ts', 'redis/reply.ts'].map(source).join()
    t.match(files, new RegExp(`class ${name} extends \\w+ \\{\\s+readonly code = '${code}'`), name)
  }
})

await test('the README says what is on the wire and in Redis', async (t) => {
  const [, block = ''] = /```jsonl\n(.*?)```/s.exec(readFileSync(readme, 'utf8')) ?? []
  const [change = '', filled = ''] = block.split('\n')
  const received = decodeMessage('shop', [], change)
  t.equal(received.kind === 'change' && encodeChange('shop', 0, received.change), change)
  t.equal(encodeFilled('shop', 1, ['books:v1:42']), filled)
  t.same(names(first('On the wire')), Object.keys(JSON.parse(change)).toSorted())

  const keys = keySpace('shop')
  const control = [keys.head, keys.log, keys.markers, keys.intents, keys.replicas].map((key) => key(0))
  t.same(first('In Redis'), [
    keys.entry('books:v1:42'),
    keys.lease('books:v1:42'),
    ...control,
    `${keys.root(0)}server`,
  ])

  const sizes: Record<string, number> = { uint8: 1, uint16: 2, float32: 4, float64: 8, '16 bytes': 16 }
  let at = 0
  for (const [offset, type = ''] of rows('The entry')) {
    t.equal(Number(offset), at)
    at += sizes[type] ?? 0
  }
  t.equal(at, TAGS_OFFSET)
  t.same(
    rows('Codecs')
      .slice(0, 3)
      .map(([, id]) => Number(id)),
    [jsonCodec, msgpackCodec, bytesCodec].map(({ id }) => id),
  )
})

await test('docs/guarantees.md names every guard, and tests that are there', async (t) => {
  t.same(
    tableInReadme(guarantees, 'Guards').map(([guard]) => guard),
    Object.keys(ALL_GUARDS),
  )
  const said = [
    ...readFileSync(guarantees, 'utf8').matchAll(/\]\(([^)]+\.ts)\)[^_\n]*((?:_[^_]+_[^_\n|]*)+)/g),
  ]
  t.ok(said.length > 40, `${said.length} of them`)
  for (const [, file = '', titles = ''] of said) {
    const text = readFileSync(new URL(file, guarantees), 'utf8')
    for (const [, title = ''] of titles.matchAll(/_([^_]+)_/g))
      t.ok(text.includes(title), `${file}: ${title}`)
  }
})
