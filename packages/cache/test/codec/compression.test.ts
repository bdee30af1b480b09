import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { constants, createBrotliCompress, createDeflate, createZstdCompress, deflateSync } from 'node:zlib'
import { test } from 'tap'
import {
  bytesCodec,
  type Codec,
  compressed,
  DecodeError,
  encrypted,
  jsonCodec,
} from '../../src/codec/index.ts'
import { DefinitionError, EncodeError } from '../../src/errors.ts'

const context = { name: 'books:v1:42' }
const QUICK_BROTLI = { [constants.BROTLI_PARAM_QUALITY]: 1 }
const MIB = 1024 * 1024
const long = { text: 'Ficciones '.repeat(400) }
const text = JSON.stringify(long)

function reason(codec: Codec, bytes: Buffer): string {
  try {
    codec.decode(bytes, context)
  } catch (error) {
    return error instanceof DecodeError ? error.message : 'not a DecodeError'
  }
  return 'decoded'
}

const isLong = (codec: Codec, bytes: Buffer) => JSON.stringify(codec.decode(bytes, context)) === text

await test('each method packs a long value, and is read whichever is written', async (t) => {
  const reader = compressed(jsonCodec)
  for (const [flag, method] of [
    [1, 'deflate'],
    [2, 'brotli'],
    [3, 'zstd'],
  ] as const) {
    const bytes = compressed(jsonCodec, { method }).encode(long, context)
    t.equal(bytes[0], flag, method)
    t.ok(bytes.length < 200, `${bytes.length} of ${text.length} bytes`)
    t.strictSame(reader.decode(bytes, context), long)
  }
  t.equal(reader.id, 65)
})

await test('what is short, or would not get shorter, stays as it is', async (t) => {
  const edge = { a: 'x'.repeat(1024 - 8) }
  t.equal(JSON.stringify(edge).length, 1024)
  const codec = compressed(jsonCodec)
  t.equal(codec.encode(edge, context)[0], 0, 'not above the size')
  t.equal(codec.encode({ a: `${edge.a}x` }, context)[0], 1, 'above it')
  t.strictSame(codec.decode(codec.encode(edge, context), context), edge)
  const noise = randomBytes(2000)
  const bytes = compressed(bytesCodec).encode(noise, context)
  t.equal(bytes[0], 0)
  t.equal(bytes.length, 2002)
  t.strictSame(compressed(bytesCodec).decode(bytes, context), noise)
  t.equal(compressed(jsonCodec, { above: 0 }).encode('x'.repeat(100), context)[0], 1)
})

await test('a bomb is refused before it is unpacked, by every method', async (t) => {
  for (const method of ['deflate', 'brotli', 'zstd'] as const) {
    const bomb = compressed(jsonCodec, { method }).encode('x'.repeat(1_000_000), context)
    t.ok(bomb.length < 5000)
    t.match(reason(compressed(jsonCodec, { maxBytes: 100_000 }), bomb), 'unpacks to more than 100000 bytes')
  }
  const space = deflateSync(Buffer.alloc(MIB, 32))
  const says = (length: number) => {
    const head = Buffer.from([1, 0, 0, 0, 0])
    head.writeUInt32BE(length, 1)
    return Buffer.concat([head, space])
  }
  t.match(reason(compressed(jsonCodec), says(17 * MIB)), 'unpacks to more than 16777216 bytes')
  for (const lie of [0, 1, MIB - 1, MIB + 1]) t.match(reason(compressed(jsonCodec), says(lie)), 'damaged')
  const tight = compressed(jsonCodec, { maxBytes: text.length })
  t.strictSame(tight.decode(tight.encode(long, context), context), long, 'exactly as many is allowed')
  const error = t.throws(() => compressed(jsonCodec, { maxBytes: text.length - 1 }).encode(long, context))
  t.ok(error instanceof EncodeError, 'and what could not be read is not written')
})

await test('a bomb that lies about its size takes no memory', async (t) => {
  const makers = [
    createDeflate({ level: 1 }),
    createBrotliCompress({ params: QUICK_BROTLI }),
    createZstdCompress(),
  ]
  for (const [index, maker] of makers.entries()) {
    const zeros = Buffer.alloc(4 * MIB)
    const bomb = await buffer(Readable.from(Array.from({ length: 64 }, () => zeros)).pipe(maker))
    const before = process.resourceUsage().maxRSS
    const bytes = Buffer.concat([Buffer.from([index + 1, 0, 0, 1, 0]), bomb])
    t.match(reason(compressed(jsonCodec), bytes), 'damaged')
    const grown = (process.resourceUsage().maxRSS - before) / 1024
    t.ok(grown < 100, `${grown} MiB for a bomb of 256`)
  }
})

await test('the format does not change unnoticed', async (t) => {
  const codec = compressed(bytesCodec, { above: 16 })
  t.equal(codec.encode('abc', context).toString('hex'), '0001616263')
  const golden = Buffer.from('010000003d7801634c4c4a261b0100bcfc16fa', 'hex')
  t.equal(codec.decode(golden, context), 'abc'.repeat(20))
})

await test('half of what was packed is never taken for all of it', async (t) => {
  const noisy = Array.from({ length: 6000 }, () => randomBytes(24).toString('hex')).join('\n')
  for (const method of ['deflate', 'brotli', 'zstd'] as const) {
    const codec = compressed(bytesCodec, { method })
    const bytes = codec.encode(noisy, context)
    t.equal(codec.decode(bytes, context), noisy)
    for (let tenths = 1; tenths < 10; tenths++) {
      t.match(reason(codec, bytes.subarray(0, Math.floor((bytes.length * tenths) / 10))), 'damaged', method)
    }
  }
})

await test('damage is an error, not a crash and not another value', async (t) => {
  for (const method of ['deflate', 'zstd'] as const) {
    const codec = compressed(jsonCodec, { method })
    const bytes = codec.encode(long, context)
    for (let at = 0; at < bytes.length; at++) {
      const cut = bytes.subarray(0, at)
      t.ok(/damaged|not known here/.test(reason(codec, cut)) || isLong(codec, cut), `cut at ${at}`)
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] ?? 0) ^ 0x10
      t.ok(
        /damaged|unpacks to more|not known here|not bytes/.test(reason(codec, flipped)) ||
          isLong(codec, flipped),
        `byte ${at}`,
      )
    }
  }
  t.match(reason(compressed(jsonCodec), Buffer.alloc(0)), 'a method that is not known here')
  t.match(reason(compressed(jsonCodec), Buffer.from([4, 1, 2])), 'a method that is not known here')
})

await test('what cannot be defined', async (t) => {
  const keys = { current: 'k1', all: { k1: Buffer.alloc(32) } }
  t.throws(() => compressed(compressed(jsonCodec)), DefinitionError)
  t.throws(() => compressed(encrypted(jsonCodec, { keys })), DefinitionError)
  t.throws(() => compressed(jsonCodec, { above: -1 }), DefinitionError)
  t.throws(() => compressed(jsonCodec, { above: Number.NaN }), DefinitionError)
  t.throws(() => compressed(jsonCodec, { maxBytes: 0 }), DefinitionError)
  t.throws(() => compressed(jsonCodec, { maxBytes: 2 ** 32 }), DefinitionError)
})
