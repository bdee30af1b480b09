import { createCipheriv } from 'node:crypto'
import { test } from 'tap'
import {
  type Codec,
  compressed,
  DecodeError,
  type EncryptionOptions,
  encrypted,
  jsonCodec,
  msgpackCodec,
} from '../../src/codec/index.ts'
import { DefinitionError } from '../../src/errors.ts'

const context = { name: 'users:v1:42' }
const K1 = Buffer.alloc(32, 1)
const K2 = Buffer.alloc(32, 2)
const both = { k1: K1, k2: K2.toString('base64') }
const user = { email: 'ana@example.org' }

const UNKNOWN_KEY = 'a key that is not known here'
const UNKNOWN_FORMAT = 'not encrypted in a format that is known here'
const CHANGED = 'it was changed, or sealed for another entry, purpose or codec'

function reason(codec: Codec, bytes: Buffer, name = context.name): string {
  try {
    codec.decode(bytes, { name })
  } catch (error) {
    return error instanceof DecodeError && error.cause === undefined ? error.message : 'not a DecodeError'
  }
  return 'decoded'
}

await test('the format does not change unnoticed', async (t) => {
  const codec = encrypted(jsonCodec, { keys: { current: 'k1', all: { k1: K1 } }, purpose: 'shop' })
  const golden = Buffer.from(
    '01026b31000102030405060708090a0bc084f04b41976a5bc44886aa4129addbcfab1b6690bf2a7216e845d68f1ebfa4ae56bfb811e8323ae2b1f8',
    'hex',
  )
  t.strictSame(codec.decode(golden, context), user)
  t.equal(codec.id, 129)
  const nonce = golden.subarray(4, 16)
  const cipher = createCipheriv('aes-256-gcm', K1, nonce)
  cipher.setAAD(Buffer.from('1\0shop\0users:v1:42'))
  const sealed = Buffer.concat([cipher.update(JSON.stringify(user)), cipher.final(), cipher.getAuthTag()])
  t.equal(golden.subarray(16).toString('hex'), sealed.toString('hex'))
})

await test('a value is sealed, each time otherwise', async (t) => {
  const codec = encrypted(jsonCodec, { keys: { current: 'k2', all: both } })
  const first = codec.encode(user, context)
  const second = codec.encode(user, context)
  t.strictSame(codec.decode(first, context), user)
  t.notMatch(first.toString('latin1'), 'example')
  t.equal(first.toString('latin1', 2, 4), 'k2')
  t.notOk(first.subarray(4, 16).equals(second.subarray(4, 16)), 'another nonce')
  t.notOk(first.subarray(16).equals(second.subarray(16)))
})

await test('keys rotate: written with the current one, read with any', async (t) => {
  const before = encrypted(jsonCodec, { keys: { current: 'k1', all: { k1: K1 } } })
  const during = encrypted(jsonCodec, { keys: { current: 'k2', all: both } })
  const after = encrypted(jsonCodec, { keys: { current: 'k2', all: { k2: K2 } } })
  const old = before.encode(user, context)
  t.strictSame(during.decode(old, context), user)
  t.strictSame(after.decode(during.encode(user, context), context), user)
  t.match(reason(after, old), UNKNOWN_KEY)
  t.match(reason(before, during.encode(user, context)), UNKNOWN_KEY)
  const renamed = encrypted(jsonCodec, { keys: { current: 'k1', all: { k1: K2 } } })
  t.match(reason(renamed, old), CHANGED, 'the same id with another key')
})

await test('it opens only for its entry, purpose and codec', async (t) => {
  const options = (purpose?: string): EncryptionOptions => ({
    keys: { current: 'k1', all: both },
    ...(purpose === undefined ? {} : { purpose }),
  })
  const codec = encrypted(jsonCodec, options('shop'))
  const bytes = codec.encode(user, context)
  t.match(reason(codec, bytes, 'users:v1:43'), CHANGED)
  t.match(reason(codec, bytes, 'users:v1:43'), 'users:v1:43', 'names the entry')
  t.match(reason(encrypted(jsonCodec, options('bank')), bytes), CHANGED)
  t.match(reason(encrypted(jsonCodec, options()), bytes), CHANGED)
  t.match(reason(encrypted(msgpackCodec, options('shop')), bytes), CHANGED)
  t.match(reason(encrypted(compressed(jsonCodec), options('shop')), bytes), CHANGED)
})

await test('any change of any byte is refused', async (t) => {
  const codec = encrypted(jsonCodec, { keys: { current: 'k1', all: both } })
  const bytes = codec.encode(user, context)
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 128]) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ bit
      const message = reason(codec, changed)
      t.ok(
        [UNKNOWN_KEY, UNKNOWN_FORMAT, CHANGED].some((known) => message.includes(known)),
        `${at}: ${message}`,
      )
      t.notMatch(message, /example|k1/)
    }
    t.match(reason(codec, bytes.subarray(0, at)), /known here|was changed/)
  }
  t.match(reason(codec, Buffer.concat([bytes, Buffer.alloc(1)])), CHANGED)
  t.match(reason(codec, jsonCodec.encode(user, context)), UNKNOWN_FORMAT, 'what is not encrypted is not read')
})

await test('compressed, then encrypted', async (t) => {
  const codec = encrypted(compressed(jsonCodec), { keys: { current: 'k1', all: both } })
  const long = { text: 'Ficciones '.repeat(400) }
  const bytes = codec.encode(long, context)
  t.equal(codec.id, 193)
  t.equal(codec.name, 'encrypted compressed json')
  t.ok(bytes.length < 200)
  t.strictSame(codec.decode(bytes, context), long)
})

await test('what cannot be defined, and no key is ever told', async (t) => {
  const secret = 'c2VjcmV0'
  const faults: [string, EncryptionOptions][] = [
    ['a short key', { keys: { current: 'k1', all: { k1: secret } } }],
    ['a short Buffer', { keys: { current: 'k1', all: { k1: Buffer.alloc(31) } } }],
    ['a long Buffer', { keys: { current: 'k1', all: { k1: Buffer.alloc(33) } } }],
    ['hexadecimal', { keys: { current: 'k1', all: { k1: K1.toString('hex') } } }],
    ['not base64', { keys: { current: 'k1', all: { k1: `${secret}!${'A'.repeat(34)}` } } }],
    ['no current key', { keys: { current: 'k3', all: both } }],
    ['an inherited name', { keys: { current: 'toString', all: both } }],
    ['an id with a space', { keys: { current: 'k 1', all: { 'k 1': K1 } } }],
    ['an id that is too long', { keys: { current: 'k'.repeat(33), all: { ['k'.repeat(33)]: K1 } } }],
    ['an empty id', { keys: { current: '', all: { '': K1 } } }],
    ['a NUL in the purpose', { keys: { current: 'k1', all: both }, purpose: 'a\0b' }],
  ]
  for (const [what, options] of faults) {
    const error = t.throws(() => encrypted(jsonCodec, options), what)
    t.ok(error instanceof DefinitionError, what)
    t.notMatch(String(error), secret)
  }
  const keys = { current: 'k1', all: both }
  t.throws(() => encrypted(encrypted(jsonCodec, { keys }), { keys }), DefinitionError)
  t.ok(encrypted(jsonCodec, { keys: { current: 'k1', all: { k1: K1.toString('base64url') } } }))
})

await test('a key that its owner wipes is kept', async (t) => {
  const key = Buffer.alloc(32, 7)
  const codec = encrypted(jsonCodec, { keys: { current: 'k1', all: { k1: key } } })
  const bytes = codec.encode(user, context)
  key.fill(0)
  t.strictSame(codec.decode(bytes, context), user)
})
