import { DefinitionError, EncodeError } from '../errors.ts'
import { DecodeError } from './errors.ts'

/** What a codec is told of the entry whose value it has at hand. */
export interface CodecContext {
  /** The entry's name, `books:v1:42`. */
  readonly name: string
}

/**
 * How values lie in Redis. Other processes and other releases read the bytes, so they must say all there is to know,
 * and the same id must always mean the same format.
 */
export interface Codec {
  /** On the wire: 1 to 15 ours, 16 to 63 yours; `compressed` adds 64 and `encrypted` 128. */
  readonly id: number
  readonly name: string
  /** @throws {EncodeError} naming the entry when the codec cannot hold the value; `undefined` is never a value */
  encode(value: unknown, context: CodecContext): Buffer
  /** @throws {DecodeError} naming the entry when the bytes are not of this codec */
  decode(bytes: Buffer, context: CodecContext): unknown
  /**
   * `decode` of the bytes from `start` on, for a codec that needs no view of them: making one takes longer than reading
   * the header of an entry.
   */
  decodeFrom?(bytes: Buffer, start: number, context: CodecContext): unknown
}

/**
 * A codec of your own: `encode` and `decode` may throw what they like.
 *
 * @throws {DefinitionError} when the id is not an integer from 16 to 63
 */
export function defineCodec(codec: Codec): Codec {
  if (!Number.isInteger(codec.id) || codec.id < 16 || codec.id > 63) {
    throw new DefinitionError(`Codec ${codec.name} has the id ${codec.id}: take an integer from 16 to 63`)
  }
  return guarded(codec)
}

/** The codec with its faults made `EncodeError` and `DecodeError`, and `undefined` refused both ways. */
export function guarded(codec: Codec): Codec {
  return {
    id: codec.id,
    name: codec.name,
    encode(value, context) {
      try {
        if (value === undefined) throw new TypeError('undefined is not a value')
        const bytes: unknown = codec.encode(value, context)
        if (!Buffer.isBuffer(bytes)) throw new TypeError(`Codec ${codec.name} did not give a Buffer`)
        return bytes
      } catch (cause) {
        throw cause instanceof EncodeError ? cause : new EncodeError(context.name, { cause })
      }
    },
    decode(bytes, context) {
      let value: unknown
      try {
        value = codec.decode(bytes, context)
      } catch (fault) {
        throw fault instanceof DecodeError ? fault : notOf(codec.name, context)
      }
      if (value === undefined) throw notOf(codec.name, context)
      return value
    },
  }
}

export function notOf(codec: string, context: CodecContext): DecodeError {
  return new DecodeError(context.name, `these are not bytes of codec ${codec}`)
}
