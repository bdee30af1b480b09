import { hash } from 'node:crypto'
import type { OutgoingHttpHeader } from 'node:http'
import { type Codec, defineCodec } from '@lockstep/cache'

export type HeaderValue = string | readonly string[]

/** An answer as it is kept: what is sent, ready to be sent. */
export interface CachedResponse {
  /** Names in lower case; with the ETag and the Content-Type. */
  readonly headers: Readonly<Record<string, HeaderValue>>
  readonly etag: string
  /** Text as text: Node sends it with the headers in one piece. */
  readonly body: string | Buffer
  /** Its head as it was last sent from memory. */
  head?: Head
}

/** The head of an answer from memory. It holds until one of the two times has moved on by a second. */
export interface Head {
  readonly age: number
  readonly ttl: number
  readonly headers: Readonly<Record<string, HeaderValue>>
  /** The same, names and values in turn: what `writeHead` is quickest with. */
  readonly lines: OutgoingHttpHeader[]
}

const FORMAT = 1
/** Format, whether the body is text, and the length of the headers. */
const HEAD_BYTES = 6

/** The body as it is, behind a small head: a byte of format, one for text, and the headers as JSON. */
export const responseCodec: Codec = defineCodec({
  id: 63,
  name: 'http-response',
  encode(value) {
    if (!isResponse(value)) throw new TypeError('not an answer')
    const headers = Buffer.from(JSON.stringify(value.headers))
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt8(FORMAT, 0)
    head.writeUInt8(typeof value.body === 'string' ? 1 : 0, 1)
    head.writeUInt32LE(headers.length, 2)
    return Buffer.concat([head, headers, Buffer.from(value.body)])
  },
  decode(bytes): CachedResponse {
    if (bytes.readUInt8(0) !== FORMAT) throw new TypeError('an unknown format')
    const start = HEAD_BYTES + bytes.readUInt32LE(2)
    const headers: unknown = JSON.parse(bytes.toString('utf8', HEAD_BYTES, start))
    if (!isHeaders(headers)) throw new TypeError('no headers')
    const body = bytes.readUInt8(1) === 1 ? bytes.toString('utf8', start) : Buffer.from(bytes.subarray(start))
    return { headers, etag: String(headers['etag']), body }
  },
})

/** A strong validator: other bytes, another tag. */
export const etagOf = (body: string | Buffer): string => `"${hash('sha256', body, 'base64url').slice(0, 27)}"`

export function isResponse(value: unknown): value is CachedResponse {
  if (typeof value !== 'object' || value === null || !('body' in value && 'headers' in value)) return false
  return (typeof value.body === 'string' || Buffer.isBuffer(value.body)) && isHeaders(value.headers)
}

const isHeaders = (value: unknown): value is Record<string, HeaderValue> =>
  typeof value === 'object' && value !== null && 'etag' in value
