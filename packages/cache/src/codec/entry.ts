import type { Codec, CodecContext } from './codec.ts'
import { EntryFieldError } from './errors.ts'

/*
 * An entry as it lies in Redis: a header of fixed places, the tags, and the body that its codec wrote. A replica judges
 * each L2 hit by the header before it touches the body, and Lua scripts read identity and version without knowing any
 * codec, so nothing in the header ever moves: another layout is another format. Numbers are big endian (`struct.unpack
 * ('>d', …)` in Lua), and times are ms since the epoch by the clock of the Redis server.
 *
 *    0  uint8     format, 2
 *    1  uint8     codec: its id, +64 when compressed, +128 when encrypted
 *    2  uint8     flags: 1 negative (the source has no value, and no body follows), 2 has tags, 4 has a version
 *    3  uint8     0
 *    4  16 bytes  identity: visible ASCII, the random token of the load that made the entry
 *   20  float64   incarnation, and
 *   28  float64   seq: the stamp, which is the head when the load was given its lease
 *   36  float64   time of creation
 *   44  float32   how long the load took, in ms
 *   48  float64   end of freshness
 *   56  float64   end of stale-while-revalidate
 *   64  float64   end of stale-if-error, which is the end of the entry
 *   72  float64   sliding lifetime in ms, 0 for none
 *   80  float64   version, NaN for none
 *   88  uint16    length of the tags in bytes
 *   90  the tags in UTF-8, a newline between two, and then the body to the end
 *
 * Anyone may have written to Redis, so bytes that do not follow this read as no entry, and what a header does say is safe
 * to compare: no number is NaN or infinite (a NaN seq would be newer than every marker), and none but the version negative.
 */

export const ENTRY_FORMAT = 2
export const IDENTITY_OFFSET = 4
export const IDENTITY_BYTES = 16
export const INCARNATION_OFFSET = 20
export const SEQ_OFFSET = 28
export const VERSION_OFFSET = 80
export const TAGS_OFFSET = 90

/** The most bytes that the tags of an entry may take, the newlines between them included. */
export const MAX_TAGS_BYTES = 65_535

const CODEC_OFFSET = 1
const FLAGS_OFFSET = 2
const RESERVED_OFFSET = 3
const CREATED_OFFSET = 36
const LOAD_MS_OFFSET = 44
const FRESH_UNTIL_OFFSET = 48
const STALE_UNTIL_OFFSET = 56
const ERROR_UNTIL_OFFSET = 64
const SLIDING_OFFSET = 72
const TAGS_LENGTH_OFFSET = 88

const NEGATIVE = 1
const TAGGED = 2
const VERSIONED = 4

const NO_TAGS: readonly string[] = Object.freeze([])
const IDENTITY = /^[!-~]{16}$/

/** What an entry says of itself, apart from its value. */
export interface EntryHeader {
  /** Id of the codec that wrote the body. */
  readonly codec: number
  /** The source has no value: there is no body. */
  readonly negative: boolean
  /** 16 visible ASCII characters. */
  readonly identity: string
  readonly incarnation: number
  readonly seq: number
  /** Server time in ms, as are the three ends. */
  readonly created: number
  /** How long the load took, in ms, to seven digits. */
  readonly loadMs: number
  readonly freshUntil: number
  readonly staleUntil: number
  /** End of the entry. */
  readonly errorUntil: number
  /** Sliding lifetime in ms, 0 for none. */
  readonly sliding: number
  readonly version: number | undefined
  readonly tags: readonly string[]
}

/**
 * The bytes of an entry: of a value with its body, or of an absence without.
 *
 * @throws {EntryFieldError} when a field cannot be written so that `readHeader` gives it back
 */
export function encodeEntry(header: EntryHeader, body: Buffer | undefined): Buffer {
  if (header.negative !== (body === undefined)) {
    throw new EntryFieldError('body', 'given for a value, and left out for an absence')
  }
  if (!IDENTITY.test(header.identity)) throw new EntryFieldError('identity', '16 visible ASCII characters')
  if (header.version !== undefined && !Number.isFinite(header.version)) {
    throw new EntryFieldError('version', 'a finite number')
  }
  const tags = encodeTags(header.tags)
  const bytes = Buffer.allocUnsafe(TAGS_OFFSET + tags.length + (body?.length ?? 0))
  bytes[0] = ENTRY_FORMAT
  bytes.writeUInt8(header.codec, CODEC_OFFSET)
  bytes[FLAGS_OFFSET] =
    (header.negative ? NEGATIVE : 0) |
    (tags.length > 0 ? TAGGED : 0) |
    (header.version === undefined ? 0 : VERSIONED)
  bytes[RESERVED_OFFSET] = 0
  bytes.write(header.identity, IDENTITY_OFFSET, 'latin1')
  bytes.writeDoubleBE(amount('incarnation', header.incarnation), INCARNATION_OFFSET)
  bytes.writeDoubleBE(amount('seq', header.seq), SEQ_OFFSET)
  bytes.writeDoubleBE(amount('created', header.created), CREATED_OFFSET)
  bytes.writeFloatBE(amount('loadMs', header.loadMs), LOAD_MS_OFFSET)
  bytes.writeDoubleBE(amount('freshUntil', header.freshUntil), FRESH_UNTIL_OFFSET)
  bytes.writeDoubleBE(amount('staleUntil', header.staleUntil), STALE_UNTIL_OFFSET)
  bytes.writeDoubleBE(amount('errorUntil', header.errorUntil), ERROR_UNTIL_OFFSET)
  bytes.writeDoubleBE(amount('sliding', header.sliding), SLIDING_OFFSET)
  bytes.writeDoubleBE(header.version ?? Number.NaN, VERSION_OFFSET)
  bytes.writeUInt16BE(tags.length, TAGS_LENGTH_OFFSET)
  tags.copy(bytes, TAGS_OFFSET)
  body?.copy(bytes, TAGS_OFFSET + tags.length)
  return bytes
}

/** The header of an entry; undefined for bytes that are none of ours or of another format. It keeps nothing of them alive. */
export function readHeader(bytes: Buffer): EntryHeader | undefined {
  const { length } = bytes
  if (length < TAGS_OFFSET || bytes[0] !== ENTRY_FORMAT || bytes[RESERVED_OFFSET] !== 0) return undefined
  const flags = bytes[FLAGS_OFFSET] ?? 0
  const bodyAt = bodyOffset(bytes)
  if (
    length < bodyAt ||
    flags > (NEGATIVE | TAGGED | VERSIONED) ||
    ((flags & TAGGED) !== 0) !== bodyAt > TAGS_OFFSET ||
    ((flags & NEGATIVE) !== 0 && length > bodyAt)
  ) {
    return undefined
  }
  const header = new Header(bytes, flags, bodyAt)
  return header.sound ? header : undefined
}

/** The body of what `readHeader` accepted: a view of the same memory. */
export function bodyOf(bytes: Buffer): Buffer {
  return bytes.subarray(bodyOffset(bytes))
}

/**
 * The value of what `readHeader` accepted as the value of this codec.
 *
 * @throws {DecodeError} naming the entry when the body is not of the codec
 */
export function decodeBody(bytes: Buffer, codec: Codec, context: CodecContext): unknown {
  if (codec.decodeFrom === undefined) return codec.decode(bodyOf(bytes), context)
  return codec.decodeFrom(bytes, bodyOffset(bytes), context)
}

/**
 * The identity of any bytes at all, for a replica that cannot read an entry and says which one it rejects. Each character is
 * a byte: it goes to a Lua script, which compares it with `string.sub(entry, 5, 20)`, as `Buffer.from(identity, 'latin1')`.
 */
export function identityOf(bytes: Buffer): string {
  return bytes.toString('latin1', IDENTITY_OFFSET, IDENTITY_OFFSET + IDENTITY_BYTES)
}

/** The last memory that was read from: the entries of one reply mostly lie in the same. */
let memory: ArrayBufferLike = new ArrayBuffer(0)
let data: DataView = new DataView(memory)

/** All numbers are read at once, through a DataView, at a few ns each; the text only when it is asked for. */
class Header implements EntryHeader {
  /**
   * V8 forgets how objects are laid out when a large collection finds none of them, and with it all code that it compiled for
   * them: reading would be slow for a while after each. So there always is one. Each of its numbers is a fraction, as some are.
   */
  static readonly kept = new Header(Buffer.alloc(TAGS_OFFSET, 0x3f), 0, TAGS_OFFSET)
  readonly codec: number
  readonly incarnation: number
  readonly seq: number
  readonly created: number
  readonly loadMs: number
  readonly freshUntil: number
  readonly staleUntil: number
  readonly errorUntil: number
  readonly sliding: number
  readonly version: number | undefined
  readonly tags: readonly string[]
  readonly #flags: number
  // The identity, four characters each: small integers take no memory of their own.
  readonly #first: number
  readonly #second: number
  readonly #third: number
  readonly #fourth: number

  constructor(bytes: Buffer, flags: number, bodyAt: number) {
    if (bytes.buffer !== memory) {
      memory = bytes.buffer
      data = new DataView(memory)
    }
    const at = bytes.byteOffset
    this.codec = data.getUint8(at + CODEC_OFFSET)
    this.incarnation = data.getFloat64(at + INCARNATION_OFFSET)
    this.seq = data.getFloat64(at + SEQ_OFFSET)
    this.created = data.getFloat64(at + CREATED_OFFSET)
    this.loadMs = data.getFloat32(at + LOAD_MS_OFFSET)
    this.freshUntil = data.getFloat64(at + FRESH_UNTIL_OFFSET)
    this.staleUntil = data.getFloat64(at + STALE_UNTIL_OFFSET)
    this.errorUntil = data.getFloat64(at + ERROR_UNTIL_OFFSET)
    this.sliding = data.getFloat64(at + SLIDING_OFFSET)
    this.version = (flags & VERSIONED) === 0 ? undefined : data.getFloat64(at + VERSION_OFFSET)
    this.tags = (flags & TAGGED) === 0 ? NO_TAGS : bytes.toString('utf8', TAGS_OFFSET, bodyAt).split('\n')
    this.#flags = flags
    const word = at + IDENTITY_OFFSET
    this.#first = data.getInt32(word)
    this.#second = data.getInt32(word + 4)
    this.#third = data.getInt32(word + 8)
    this.#fourth = data.getInt32(word + 12)
  }

  get negative(): boolean {
    return (this.#flags & NEGATIVE) !== 0
  }

  get identity(): string {
    let text = ''
    for (const word of [this.#first, this.#second, this.#third, this.#fourth]) {
      text += String.fromCharCode(word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255)
    }
    return text
  }

  /** Whether every number is one to compute with: a NaN would compare as newer than any marker. */
  get sound(): boolean {
    return (
      isAmount(this.incarnation) &&
      isAmount(this.seq) &&
      isAmount(this.created) &&
      isAmount(this.loadMs) &&
      isAmount(this.freshUntil) &&
      isAmount(this.staleUntil) &&
      isAmount(this.errorUntil) &&
      isAmount(this.sliding) &&
      (this.version === undefined || Number.isFinite(this.version))
    )
  }
}

function bodyOffset(bytes: Buffer): number {
  return TAGS_OFFSET + (((bytes[TAGS_LENGTH_OFFSET] ?? 0) << 8) | (bytes[TAGS_LENGTH_OFFSET + 1] ?? 0))
}

/** What `encodeEntry` writes; a float32 may round it up a little. -0 is not among it. */
const isAmount = (value: number): boolean => value >= 0 && value <= 2 ** 53 && !Object.is(value, -0)

function amount(field: string, value: number): number {
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
    throw new EntryFieldError(field, 'a number from 0 to 2^53 - 1')
  }
  // Of -0 too, which would be written with a sign.
  return Math.abs(value)
}

function encodeTags(tags: readonly string[]): Buffer {
  if (!tags.every((tag) => tag !== '' && !tag.includes('\n') && tag.isWellFormed())) {
    throw new EntryFieldError('tags', 'well-formed text, not empty and without a newline')
  }
  const bytes = Buffer.from(tags.join('\n'))
  if (bytes.length > MAX_TAGS_BYTES) {
    throw new EntryFieldError('tags', `at most ${MAX_TAGS_BYTES} bytes long in all`)
  }
  return bytes
}
