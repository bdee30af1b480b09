import { test } from 'tap'
import {
  bytesCodec,
  type Codec,
  DecodeError,
  decodeBody,
  defineCodec,
  encodeEntry,
  jsonCodec,
  msgpackCodec,
} from '../../src/codec/index.ts'
import { DefinitionError, EncodeError } from '../../src/errors.ts'
import { headerOf } from './header.ts'

const context = { name: 'books:v1:42' }
const roundTrip = (codec: Codec, value: unknown) => codec.decode(codec.encode(value, context), context)

function fault(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

const circular: Record<string, unknown> = {}
circular['self'] = circular

await test('K7 JSON: dates as ISO strings, undefined dropped', async (t) => {
  const book = { title: 'Ficciones ñ', published: new Date(0), price: 12.5, gone: undefined, tags: [null] }
  t.equal(
    jsonCodec.encode(book, context).toString(),
    '{"title":"Ficciones ñ","published":"1970-01-01T00:00:00.000Z","price":12.5,"tags":[null]}',
  )
  t.strictSame(roundTrip(jsonCodec, book), {
    title: 'Ficciones ñ',
    published: '1970-01-01T00:00:00.000Z',
    price: 12.5,
    tags: [null],
  })
  for (const value of [null, 0, '', false, [], 'half \ud800'])
    t.strictSame(roundTrip(jsonCodec, value), value)
})

await test('K7 MessagePack keeps what JSON loses', async (t) => {
  const value = {
    when: new Date(-1),
    bytes: Buffer.from([0, 255]),
    large: [2n ** 70n, -(2n ** 90n), 5n],
    set: new Set([1, 'a']),
    floats: new Float64Array([1.5, Number.NaN]),
    infinite: [Number.POSITIVE_INFINITY, Number.NaN],
    gone: undefined,
    nothing: null,
  }
  t.strictSame(roundTrip(msgpackCodec, value), value)
  t.strictSame(roundTrip(msgpackCodec, new Map([['a', 1]])), { a: 1 }, 'a Map becomes an object')
})

await test('MessagePack is plain: no records, no state between two values', async (t) => {
  const first = msgpackCodec.encode({ id: 1 }, context)
  const second = msgpackCodec.encode({ id: 1 }, context)
  t.equal(first.toString('hex'), 'de0001a2696401')
  t.ok(second.equals(first))
  t.strictSame(
    msgpackCodec.decode(Buffer.from('81a2696402', 'hex'), context),
    { id: 2 },
    'of another program',
  )
})

await test('a Buffer in a decoded value shares no memory with the bytes', async (t) => {
  const inside = msgpackCodec.encode({ inside: Buffer.from('abc') }, context)
  const value = msgpackCodec.decode(inside, context)
  const plain = bytesCodec.encode(Buffer.from('abc'), context)
  const bytes = bytesCodec.decode(plain, context)
  inside.fill(0)
  plain.fill(0)
  t.strictSame(value, { inside: Buffer.from('abc') })
  t.strictSame(bytes, Buffer.from('abc'))
})

await test('K1 strings and bytes stay apart', async (t) => {
  t.equal(roundTrip(bytesCodec, 'ñ\0'), 'ñ\0')
  t.equal(roundTrip(bytesCodec, ''), '')
  t.strictSame(roundTrip(bytesCodec, Buffer.from([255, 0])), Buffer.from([255, 0]))
  t.strictSame(roundTrip(bytesCodec, new Uint8Array([1])), Buffer.from([1]))
  t.strictSame(roundTrip(bytesCodec, Buffer.alloc(0)), Buffer.alloc(0))
  t.equal(bytesCodec.encode('ab', context).toString('hex'), '016162')
  t.equal(bytesCodec.encode(Buffer.from('ab'), context).toString('hex'), '006162')
})

await test('K7 what cannot be encoded is an error that names the entry', async (t) => {
  const faults: [Codec, string, unknown][] = [
    [jsonCodec, 'a BigInt', { n: 1n }],
    [jsonCodec, 'a cycle', circular],
    [jsonCodec, 'a function', () => 1],
    [jsonCodec, 'a symbol', Symbol('x')],
    [msgpackCodec, 'a cycle', circular],
    [msgpackCodec, 'a function', () => 1],
    [msgpackCodec, 'a symbol in a field', { s: Symbol('x') }],
    [bytesCodec, 'a number', 1],
    [bytesCodec, 'half of a surrogate pair', 'a\ud800'],
    ...[jsonCodec, msgpackCodec, bytesCodec].map((codec): [Codec, string, unknown] => [
      codec,
      'undefined',
      undefined,
    ]),
  ]
  for (const [codec, what, value] of faults) {
    const error = fault(() => codec.encode(value, context))
    t.ok(error instanceof EncodeError, `${codec.name}: ${what}`)
    t.match(error, { code: 'LOCKSTEP_ENCODE_FAILED', message: /books:v1:42/ })
  }
  t.strictSame(roundTrip(msgpackCodec, { after: 'a fault' }), { after: 'a fault' })
})

await test('bytes of something else are an error that names the entry and quotes nothing', async (t) => {
  const faults: [Codec, string][] = [
    [jsonCodec, 'secret'],
    [jsonCodec, ''],
    [msgpackCodec, ''],
    [msgpackCodec, '\x01secret'],
    [msgpackCodec, '\xd6\x69\0\0\0\x01\x91\x01'], // a value with an id, which a cycle would refer to
    [bytesCodec, ''],
    [bytesCodec, '\x02secret'],
  ]
  for (const [codec, bytes] of faults) {
    const error = fault(() => codec.decode(Buffer.from(bytes, 'latin1'), context))
    t.ok(error instanceof DecodeError, `${codec.name}: ${JSON.stringify(bytes)}`)
    t.match(error, { code: 'LOCKSTEP_DECODE_FAILED', message: /books:v1:42/, cause: undefined })
    t.notMatch(String(error), 'secret')
  }
  const undefinedInMessagePack = Buffer.from('d40000', 'hex')
  t.throws(() => msgpackCodec.decode(undefinedInMessagePack, context), DecodeError, 'undefined is no value')
})

await test('a codec of your own', async (t) => {
  const yours = (id: number, encode: (value: unknown) => Buffer): Codec =>
    defineCodec({ id, name: 'yours', encode, decode: (bytes) => Number(bytes.toString()) || undefined })
  const codec = yours(16, (value) => Buffer.from(String(value)))
  t.equal(roundTrip(codec, 42), 42)
  t.throws(() => codec.decode(Buffer.from('x'), context), DecodeError, 'what gives undefined has no value')
  for (const id of [0, 3, 15, 64, 16.5, Number.NaN]) {
    t.throws(() => yours(id, () => Buffer.alloc(0)), DefinitionError, `id ${id}`)
  }
  t.ok(yours(63, () => Buffer.alloc(0)))
  const failing = yours(17, () => {
    throw new Error('of yours')
  })
  t.match(
    fault(() => failing.encode(1, context)),
    { code: 'LOCKSTEP_ENCODE_FAILED', cause: { message: 'of yours' } },
  )
  const loose = yours(19, () => JSON.parse('"not a Buffer"'))
  t.match(
    fault(() => loose.encode(1, context)),
    { code: 'LOCKSTEP_ENCODE_FAILED', cause: { message: 'Codec yours did not give a Buffer' } },
  )
  const refusal = new EncodeError('books:v1:42', {})
  const refusing = yours(20, () => {
    throw refusal
  })
  t.equal(
    fault(() => refusing.encode(1, context)),
    refusal,
  )
  const own = new DecodeError('books:v1:42', 'of yours')
  const decoding = defineCodec({
    id: 18,
    name: 'yours',
    encode: () => Buffer.alloc(0),
    decode() {
      throw own
    },
  })
  t.equal(
    fault(() => decoding.decode(Buffer.alloc(0), context)),
    own,
  )
})

await test('a body is decoded in its place in the entry', async (t) => {
  for (const codec of [jsonCodec, msgpackCodec, bytesCodec]) {
    for (const tags of [[], ['author:7', 'shelf:3']]) {
      const entry = encodeEntry({ ...headerOf(codec), tags }, codec.encode('Ficciones', context))
      t.equal(decodeBody(entry, codec, context), 'Ficciones', codec.name)
    }
  }
  const damaged = encodeEntry(headerOf(jsonCodec), Buffer.from('secret'))
  t.throws(() => decodeBody(damaged, jsonCodec, context), DecodeError)
})
