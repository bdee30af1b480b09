import { test } from 'tap'
import {
  bytesCodec,
  type Codec,
  compressed,
  DecodeError,
  decodeBody,
  encodeEntry,
  encrypted,
  jsonCodec,
  msgpackCodec,
  readHeader,
} from '../../src/codec/index.ts'
import { headerOf } from './header.ts'

const ROUNDS = 4000
const context = { name: 'books:v1:42' }
const keys = { current: 'k1', all: { k1: Buffer.alloc(32, 1) } }
const small = { above: 16, maxBytes: 10_000 }
const codecs: readonly Codec[] = [
  jsonCodec,
  msgpackCodec,
  bytesCodec,
  compressed(jsonCodec, small),
  compressed(msgpackCodec, { ...small, method: 'brotli' }),
  compressed(bytesCodec, { ...small, method: 'zstd' }),
  encrypted(compressed(msgpackCodec, small), { keys }),
]

// xorshift32, so that a seed that fails is run again with the same bytes.
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

function damage(entry: Buffer, random: (below: number) => number): Buffer {
  const kind = random(4)
  if (kind === 0) return Buffer.from(Array.from({ length: random(200) }, () => random(256)))
  const bytes = Buffer.from(entry)
  if (kind === 1) return bytes.subarray(0, random(bytes.length))
  const flips = 1 + random(6)
  // Half of the flips are in the body, where they meet a codec.
  const from = kind === 2 ? 0 : Math.min(109, bytes.length - 1)
  for (let i = 0; i < flips; i++) {
    const at = from + random(bytes.length - from)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8))
  }
  return bytes
}

// What a replica computes with: each number must compare.
function isSane(bytes: Buffer): boolean {
  const header = readHeader(bytes)
  if (header === undefined) return true
  const numbers = [
    header.incarnation,
    header.seq,
    header.created,
    header.loadMs,
    header.freshUntil,
    header.staleUntil,
    header.errorUntil,
    header.sliding,
  ]
  return (
    numbers.every((number) => number >= 0 && number < Number.POSITIVE_INFINITY) &&
    Number.isFinite(header.version ?? 0) &&
    header.identity.length === 16 &&
    header.tags.every((tag) => typeof tag === 'string')
  )
}

function decodes(bytes: Buffer, codec: Codec): 'value' | 'error' {
  try {
    if (decodeBody(bytes, codec, context) === undefined) throw new Error('decoded to undefined')
    return 'value'
  } catch (error) {
    if (error instanceof DecodeError) return 'error'
    throw error
  }
}

for (const codec of codecs) {
  await test(`whatever lies in Redis, ${codec.name} gives a value or a DecodeError`, async (t) => {
    const value =
      (codec.id & 63) === bytesCodec.id
        ? 'Ficciones '.repeat(9)
        : [{ id: 42, title: 'Ficciones ñ', price: 12.5, tags: ['a', null, true] }, 'Ficciones '.repeat(9)]
    const entry = encodeEntry(headerOf(codec), codec.encode(value, context))
    t.strictSame(decodeBody(entry, codec, context), value)
    const seen = { value: 0, error: 0, none: 0 }
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const bytes = damage(entry, randomOf(seed * 2_654_435_761))
      if (!isSane(bytes)) t.fail(`the header of seed ${seed} has a number that does not compare`)
      // The codec is asked about all of them, also those that no header would let through to it.
      const result = decodes(bytes, codec)
      if (readHeader(bytes) === undefined) seen.none++
      else seen[result]++
    }
    t.ok(seen.none > 100 && seen.value + seen.error > 100, JSON.stringify(seen))
  })
}
