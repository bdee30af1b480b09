import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { DefinitionError } from '../errors.ts'
import type { Codec, CodecContext } from './codec.ts'
import { DecodeError } from './errors.ts'

/** Set in the id of a codec whose bytes are encrypted. */
export const ENCRYPTED_BIT = 128

const CIPHER = 'aes-256-gcm'
const FORMAT = 1
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/
const KEY_ID = /^[A-Za-z0-9._-]{1,32}$/

export interface EncryptionOptions {
  readonly keys: {
    /** The id of the key that is written with. */
    readonly current: string
    /** Keys by id, any of which is read with: 32 bytes each, a Buffer or base64. */
    readonly all: Readonly<Record<string, Buffer | string>>
  }
  /** What the keys are used for here, `shop` say: bytes of another purpose do not decrypt. Empty unless given. */
  readonly purpose?: string
}

/**
 * The codec with its bytes sealed by AES-256-GCM: format 1, length of the key's id, that id, a random nonce of 12 bytes,
 * the sealed bytes, a tag of 16. The seal also covers the id of the inner codec, the purpose and the entry's name, so
 * that whoever can write to Redis can neither change a value nor move it to another entry. They can still remove it,
 * bring back an older value of the same entry, and change the header, which is not secret: times, version, tags.
 *
 * Encryption goes around compression, not the reverse, as sealed bytes do not compress. The length of a compressed value
 * tells something of what is in it: where somebody can put text of theirs beside a secret in one value and see
 * the lengths (CRIME, BREACH), leave compression out.
 *
 * To rotate: add the new key to `all` of every process, then make it `current`, and remove the old one when the longest
 * TTL has passed. Random nonces are good for 2^32 writes with one key.
 *
 * @throws {DefinitionError} when a key does not have 32 bytes, the current one is missing, an id is malformed, the purpose
 *   holds a NUL, or the codec is already encrypted
 */
export function encrypted(codec: Codec, options: EncryptionOptions): Codec {
  if (codec.id >= ENCRYPTED_BIT) throw new DefinitionError(`encrypted() cannot go around ${codec.name}`)
  const purpose = options.purpose ?? ''
  if (purpose.includes('\0')) throw new DefinitionError('The purpose of encrypted() holds a NUL')
  const keys = new Map(Object.entries(options.keys.all).map(([id, key]) => [id, secretKey(id, key)]))
  const current = options.keys.current
  const currentKey = keys.get(current)
  if (currentKey === undefined) {
    throw new DefinitionError('The current key of encrypted() is not among its keys: add it to keys.all')
  }
  const head = Buffer.concat([Uint8Array.of(FORMAT, current.length), Buffer.from(current)])
  // Neither of the first two can hold a NUL, so no two triples read alike.
  const bound = (context: CodecContext) => Buffer.from(`${codec.id}\0${purpose}\0${context.name}`)
  return {
    id: codec.id + ENCRYPTED_BIT,
    name: `encrypted ${codec.name}`,
    encode(value, context) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, currentKey, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(bound(context))
      const sealed = cipher.update(codec.encode(value, context))
      cipher.final()
      return Buffer.concat([head, nonce, sealed, cipher.getAuthTag()])
    },
    decode: (bytes, context) => codec.decode(open(bytes, keys, bound(context), context), context),
  }
}

function secretKey(id: string, key: Buffer | string): KeyObject {
  if (!KEY_ID.test(id)) {
    throw new DefinitionError('The id of a key must be 1 to 32 letters, digits, dots, dashes or underscores')
  }
  const fits = typeof key === 'string' ? KEY_BASE64.test(key) : key.length === KEY_BYTES
  if (!fits) {
    throw new DefinitionError(
      `Key ${id} is not 32 bytes, in a Buffer or in base64: make one with openssl rand -base64 32`,
    )
  }
  return createSecretKey(typeof key === 'string' ? Buffer.from(key, 'base64') : key)
}

function open(
  bytes: Buffer,
  keys: ReadonlyMap<string, KeyObject>,
  bound: Buffer,
  context: CodecContext,
): Buffer {
  const nonceAt = 2 + (bytes[1] ?? 0)
  const sealedAt = nonceAt + NONCE_BYTES
  const tagAt = bytes.length - TAG_BYTES
  if (bytes[0] !== FORMAT || tagAt < sealedAt) {
    throw new DecodeError(context.name, 'it is not encrypted in a format that is known here')
  }
  const key = keys.get(bytes.toString('latin1', 2, nonceAt))
  if (key === undefined) {
    throw new DecodeError(context.name, 'it is encrypted with a key that is not known here')
  }
  const nonce = bytes.subarray(nonceAt, sealedAt)
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(bound)
  decipher.setAuthTag(bytes.subarray(tagAt))
  const opened = decipher.update(bytes.subarray(sealedAt, tagAt))
  try {
    decipher.final()
  } catch {
    throw new DecodeError(context.name, 'it was changed, or sealed for another entry, purpose or codec')
  }
  return opened
}
