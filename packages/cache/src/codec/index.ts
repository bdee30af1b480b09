export { bytesCodec } from './bytes.ts'
export { type Codec, type CodecContext, defineCodec } from './codec.ts'
export {
  COMPRESSED_BIT,
  type CompressionMethod,
  type CompressionOptions,
  compressed,
} from './compression.ts'
export { ENCRYPTED_BIT, type EncryptionOptions, encrypted } from './encryption.ts'
export {
  bodyOf,
  decodeBody,
  ENTRY_FORMAT,
  type EntryHeader,
  encodeEntry,
  IDENTITY_BYTES,
  IDENTITY_OFFSET,
  INCARNATION_OFFSET,
  identityOf,
  MAX_TAGS_BYTES,
  readHeader,
  SEQ_OFFSET,
  TAGS_OFFSET,
  VERSION_OFFSET,
} from './entry.ts'
export { DecodeError, EntryFieldError } from './errors.ts'
export { jsonCodec } from './json.ts'
export { msgpackCodec } from './msgpack.ts'
