import { type Codec, type CodecContext, guarded, notOf } from './codec.ts'

const ID = 1
const NAME = 'json'

/**
 * JSON: dates become ISO strings, and fields that are undefined or functions are dropped. Cyclic values, BigInt, and
 * functions or symbols as the whole value are an `EncodeError`. NaN and the infinities become null, as everywhere in JSON.
 */
export const jsonCodec: Codec = {
  ...guarded({
    id: ID,
    name: NAME,
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes, context) => decodeFrom(bytes, 0, context),
  }),
  decodeFrom,
}

function decodeFrom(bytes: Buffer, start: number, context: CodecContext): unknown {
  try {
    return JSON.parse(bytes.toString('utf8', start))
  } catch {
    throw notOf(NAME, context)
  }
}
