import * as zlib from 'node:zlib'
import { DefinitionError, EncodeError } from '../errors.ts'
import type { Codec, CodecContext } from './codec.ts'
import { DecodeError } from './errors.ts'

/** Set in the id of a codec whose bytes may be compressed. */
export const COMPRESSED_BIT = 64

const ABOVE = 1024
const MAX_BYTES = 16 * 1024 * 1024

/** `zstd` needs Node 22.15 or later in every process that reads. */
export type CompressionMethod = 'deflate' | 'brotli' | 'zstd'

export interface CompressionOptions {
  /** Values are compressed when the codec gives more bytes than this; 1024 unless given. */
  readonly above?: number
  /** `deflate` unless given. Every method is read, whichever is written. */
  readonly method?: CompressionMethod
  /** The most bytes that a value may have when it is unpacked; 16 MiB unless given. */
  readonly maxBytes?: number
}

interface Method {
  /** First byte of what was packed, then its length unpacked as a uint32; 0 and nothing more before what was not. */
  readonly flag: number
  readonly available: boolean
  pack(bytes: Buffer): Buffer
  unpack(bytes: Buffer, limit: zlib.ZlibOptions & zlib.ZstdOptions): Buffer
}

const PLAIN = 0
const PACKED_AT = 5
const DAMAGED = 'its compressed bytes are damaged'

// Each at its fastest useful level, and with a checksum where the format has one: brotli has none.
const METHODS: Readonly<Record<CompressionMethod, Method>> = {
  deflate: {
    flag: 1,
    available: true,
    pack: (bytes) => zlib.deflateSync(bytes, { level: 1 }),
    unpack: zlib.inflateSync,
  },
  brotli: {
    flag: 2,
    available: true,
    pack: (bytes) =>
      zlib.brotliCompressSync(bytes, {
        params: {
          [zlib.constants.BROTLI_PARAM_QUALITY]: 4,
          [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        },
      }),
    unpack: (bytes, limit) => zlib.brotliDecompressSync(bytes, limit),
  },
  zstd: {
    flag: 3,
    available: 'zstdCompressSync' in zlib,
    pack: (bytes) =>
      zlib.zstdCompressSync(bytes, {
        params: { [zlib.constants.ZSTD_c_compressionLevel]: 1, [zlib.constants.ZSTD_c_checksumFlag]: 1 },
      }),
    unpack: (bytes, limit) => zlib.zstdDecompressSync(bytes, limit),
  },
}

/**
 * The codec with its bytes compressed when there are more than `above` of them and compressing makes them fewer. It
 * runs in the thread that reads and writes: some 0.1 ms for 20 kB.
 *
 * @throws {DefinitionError} when a size is not an integer below 2^32, this Node lacks the method, or the codec is already
 *   compressed or encrypted
 */
export function compressed(codec: Codec, options: CompressionOptions = {}): Codec {
  const { above = ABOVE, maxBytes = MAX_BYTES } = options
  const method = METHODS[options.method ?? 'deflate']
  if (codec.id >= COMPRESSED_BIT) throw new DefinitionError(`compressed() cannot go around ${codec.name}`)
  if (!method.available) throw new DefinitionError('This Node has no zstd: run Node 22.15 or later')
  if (!isSize(above) || !isSize(maxBytes) || maxBytes === 0) {
    throw new DefinitionError('above and maxBytes of compressed() must be numbers of bytes below 2^32')
  }
  return {
    id: codec.id + COMPRESSED_BIT,
    name: `compressed ${codec.name}`,
    encode(value, context) {
      const bytes = codec.encode(value, context)
      if (bytes.length > maxBytes) {
        const cause = new RangeError(`${bytes.length} bytes, more than the maxBytes of ${maxBytes}`)
        throw new EncodeError(context.name, { cause })
      }
      if (bytes.length <= above) return plain(bytes)
      const smaller = packed(method.flag, bytes.length, method.pack(bytes))
      return smaller.length < bytes.length ? smaller : plain(bytes)
    },
    decode: (bytes, context) => codec.decode(unpack(bytes, maxBytes, context), context),
  }
}

function isSize(bytes: number): boolean {
  return Number.isInteger(bytes) && bytes >= 0 && bytes < 2 ** 32
}

function plain(bytes: Buffer): Buffer {
  return Buffer.concat([Uint8Array.of(PLAIN), bytes])
}

function packed(flag: number, length: number, bytes: Buffer): Buffer {
  const head = Buffer.allocUnsafe(PACKED_AT)
  head[0] = flag
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, bytes])
}

function unpack(bytes: Buffer, maxBytes: number, context: CodecContext): Buffer {
  const flag = bytes[0]
  if (flag === PLAIN) return bytes.subarray(1)
  const method = Object.values(METHODS).find((candidate) => candidate.flag === flag)
  if (method?.available !== true) {
    throw new DecodeError(context.name, 'it is compressed by a method that is not known here')
  }
  if (bytes.length < PACKED_AT) throw new DecodeError(context.name, DAMAGED)
  const length = bytes.readUInt32BE(1)
  if (length > maxBytes) throw new DecodeError(context.name, `it unpacks to more than ${maxBytes} bytes`)
  const unpacked = tryUnpack(method, bytes.subarray(PACKED_AT), length)
  // Node 22 takes the half of a zstd frame for all of it.
  if (unpacked?.length !== length) throw new DecodeError(context.name, DAMAGED)
  return unpacked
}

function tryUnpack(method: Method, bytes: Buffer, length: number): Buffer | undefined {
  try {
    return method.unpack(bytes, { maxOutputLength: length })
  } catch {
    return undefined
  }
}
