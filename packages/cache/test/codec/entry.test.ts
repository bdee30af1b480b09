import { test } from 'tap'
import {
  bodyOf,
  EntryFieldError,
  type EntryHeader,
  encodeEntry,
  identityOf,
  jsonCodec,
  MAX_TAGS_BYTES,
  readHeader,
} from '../../src/codec/index.ts'
import { headerOf } from './header.ts'

const FULL = headerOf(jsonCodec)
const PLAIN: EntryHeader = { ...FULL, sliding: 0, version: undefined, tags: [] }
const ABSENCE: EntryHeader = { ...PLAIN, negative: true }
const body = Buffer.from('{"id":42}')

// A header is a view whose fields do not enumerate.
function fields(bytes: Buffer): EntryHeader | undefined {
  const header = readHeader(bytes)
  return (
    header && {
      codec: header.codec,
      negative: header.negative,
      identity: header.identity,
      incarnation: header.incarnation,
      seq: header.seq,
      created: header.created,
      loadMs: header.loadMs,
      freshUntil: header.freshUntil,
      staleUntil: header.staleUntil,
      errorUntil: header.errorUntil,
      sliding: header.sliding,
      version: header.version,
      tags: header.tags,
    }
  )
}

const hex = (bytes: Buffer) => bytes.toString('hex')

function changed(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = value
  return copy
}

await test('the format does not change unnoticed', async (t) => {
  const common = [
    '71335a6b2d3061425f39785977567574', // identity, q3Zk-0aB_9xYwVut
    '432ffffffffffffe', // incarnation, 2^52 - 1
    '408f400000000000', // seq, 1000
    '4279b76daa800000', // created
    '41480000', // 12.5 ms
    '4279b76db9260000', // end of freshness
    '4279b76dc0790000', // end of stale-while-revalidate
    '4279b771280e0000', // end of stale-if-error
  ].join('')
  const golden: [string, EntryHeader, Buffer | undefined][] = [
    [
      `02010600${common}41124f8000000000401c000000000000000b617574686f723a370ac3b17b226964223a34327d`,
      FULL,
      body,
    ],
    [`02010000${common}00000000000000007ff800000000000000007b226964223a34327d`, PLAIN, body],
    [`02010100${common}00000000000000007ff80000000000000000`, ABSENCE, undefined],
  ]
  for (const [bytes, header, content] of golden) {
    t.equal(hex(encodeEntry(header, content)), bytes)
    t.strictSame(fields(Buffer.from(bytes, 'hex')), header)
    t.equal(hex(bodyOf(Buffer.from(bytes, 'hex'))), hex(content ?? Buffer.alloc(0)))
  }
})

await test('it is found anywhere in a larger buffer, and its body is a view', async (t) => {
  const entry = encodeEntry(FULL, body)
  const reply = Buffer.concat([Buffer.alloc(13, 0xff), entry, Buffer.alloc(13, 0xff)])
  const within = reply.subarray(13, 13 + entry.length)
  t.strictSame(fields(within), FULL)
  t.ok(bodyOf(within).equals(body))
  t.equal(bodyOf(within).buffer, reply.buffer)
})

await test('what encodeEntry takes, readHeader gives back', async (t) => {
  const most = Number.MAX_SAFE_INTEGER
  const headers: Partial<EntryHeader>[] = [
    { incarnation: 0, seq: 0, created: 0, loadMs: 0, freshUntil: 0, staleUntil: 0, errorUntil: 0 },
    { incarnation: most, seq: most, created: most, freshUntil: most, staleUntil: most, errorUntil: most },
    { loadMs: 2 ** 53 - 2 ** 29, sliding: most },
    { version: -1.5 },
    { version: 0 },
    { version: Number.MAX_VALUE },
    { codec: 255 },
    { tags: ['x'.repeat(MAX_TAGS_BYTES)] },
  ]
  for (const part of headers)
    t.strictSame(fields(encodeEntry({ ...FULL, ...part }, body)), { ...FULL, ...part })
  t.equal(readHeader(encodeEntry({ ...FULL, loadMs: most }, body))?.loadMs, 2 ** 53, 'of 24 bits')
  t.equal(readHeader(encodeEntry({ ...FULL, seq: -0 }, body))?.seq, 0)
  t.equal(bodyOf(encodeEntry(FULL, Buffer.alloc(0))).length, 0, 'a body may be empty')
})

await test('what readHeader would not give back, encodeEntry refuses', async (t) => {
  const faults: [string, Partial<EntryHeader>][] = [
    ['identity', { identity: 'short' }],
    ['identity', { identity: 'ñ234567890123456' }],
    ['identity', { identity: '123456789012345\n' }],
    ['identity', { identity: '12345678901234567' }],
    ['version', { version: Number.NaN }],
    ['version', { version: Number.POSITIVE_INFINITY }],
    ['tags', { tags: [''] }],
    ['tags', { tags: ['a', 'b\nc'] }],
    ['tags', { tags: ['\ud800'] }],
    ['tags', { tags: ['x'.repeat(MAX_TAGS_BYTES), 'y'] }],
  ]
  const amounts = [
    'incarnation',
    'seq',
    'created',
    'loadMs',
    'freshUntil',
    'staleUntil',
    'errorUntil',
    'sliding',
  ] as const
  for (const field of amounts) {
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      faults.push([field, { [field]: value }])
    }
  }
  for (const [field, part] of faults) {
    const error = t.throws(
      () => encodeEntry({ ...FULL, ...part }, body),
      `${field}: ${JSON.stringify(part)}`.slice(0, 60),
    )
    t.ok(error instanceof EntryFieldError)
    t.match(error, { code: 'LOCKSTEP_ENTRY_FIELD', message: `The ${field} of an entry` })
  }
  t.throws(() => encodeEntry(ABSENCE, body), EntryFieldError, 'an absence with a body')
  t.throws(() => encodeEntry(PLAIN, undefined), EntryFieldError, 'a value without one')
  t.throws(() => encodeEntry({ ...PLAIN, codec: 256 }, body), RangeError)
})

await test('bytes that are no entry', async (t) => {
  const full = encodeEntry(FULL, body)
  const plain = encodeEntry(PLAIN, body)
  const absence = encodeEntry(ABSENCE, undefined)
  const none: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    [
      'the envelope of the release before',
      Buffer.from(`{"f":1,"g":"${'5'.repeat(36)}","e":1767225600000,"v":{"id":42}}`),
    ],
    ['another format', changed(full, 0, 3)],
    ['an unknown flag', changed(full, 2, 6 | 8)],
    ['the reserved byte', changed(full, 3, 1)],
    ['an absence with a body', changed(plain, 2, 1)],
    ['tags without their flag', changed(full, 2, 4)],
    ['the flag without tags', changed(plain, 2, 2)],
    ['the flag of a version without one', changed(plain, 2, 4)],
    ['tags that pass the end', changed(full, 88, 1)],
    ['an absence with a byte more', Buffer.concat([absence, Buffer.alloc(1)])],
  ]
  for (const [what, bytes] of none) t.equal(readHeader(bytes), undefined, what)
  for (const at of [20, 28, 36, 44, 48, 56, 64, 72]) {
    const nan = Buffer.from(plain)
    nan[at] = 0x7f
    nan[at + 1] = 0xf8
    t.equal(readHeader(nan), undefined, `NaN at ${at}`)
    t.equal(readHeader(changed(plain, at, (plain[at] ?? 0) | 0x80)), undefined, `a sign at ${at}`)
  }
  const header = full.length - body.length
  for (let length = 0; length < header; length++) t.equal(readHeader(full.subarray(0, length)), undefined)
  t.ok(readHeader(full.subarray(0, header)))
})

await test('any bytes at all have an identity, a body, and no fault', async (t) => {
  t.equal(identityOf(encodeEntry(FULL, body)), FULL.identity)
  t.equal(identityOf(Buffer.alloc(0)), '')
  t.equal(identityOf(Buffer.from('0123456')), '456')
  t.equal(hex(Buffer.from(identityOf(Buffer.alloc(30, 0xf1)), 'latin1')), 'f1'.repeat(16))
  t.equal(bodyOf(Buffer.alloc(10)).length, 0)
})
