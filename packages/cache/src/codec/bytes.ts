import { guarded } from './codec.ts'

const BYTES = 0
const TEXT = 1

/**
 * Strings and bytes as they are, behind a marker that keeps them apart. A `Uint8Array` comes back as a `Buffer`, a copy
 * that shares no memory with the reply it came in. A string with half of a surrogate pair, which UTF-8 cannot hold, is
 * an `EncodeError`.
 */
export const bytesCodec = guarded({
  id: 3,
  name: 'bytes',
  encode(value) {
    if (typeof value === 'string') {
      if (!value.isWellFormed()) throw new TypeError('The string has half of a surrogate pair')
      return marked(TEXT, Buffer.from(value))
    }
    if (value instanceof Uint8Array) return marked(BYTES, value)
    throw new TypeError(`Neither string nor bytes: ${typeof value}`)
  },
  decode(bytes) {
    if (bytes[0] === TEXT) return bytes.toString('utf8', 1)
    return bytes[0] === BYTES ? Buffer.from(bytes.subarray(1)) : undefined
  },
})

function marked(marker: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(marker), bytes])
}
