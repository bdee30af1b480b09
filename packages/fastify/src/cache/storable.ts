import type { Answer } from './recorder.ts'
import { type CachedResponse, etagOf, type HeaderValue } from './response.ts'

/** Headers of one connection or one answer, which are not kept with it. */
const NOT_KEPT = new Set([
  'age',
  'cache-status',
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'lockstep-write',
  'transfer-encoding',
  'x-served-by',
])

/**
 * What of an answer is kept; undefined when it is for one client only, or no whole answer: another status than 200, a
 * cookie, a `Cache-Control` or `Vary` that says so, a stream.
 */
export function storable(answer: Answer, vary: readonly string[]): CachedResponse | undefined {
  const { status, headers, payload } = answer
  if (status !== 200 || headers.get('set-cookie') !== undefined || isPrivate(headers.get('cache-control'))) {
    return undefined
  }
  const varies = wordsOf(headers.get('vary'))
  if (!varies.every((name) => vary.includes(name))) return undefined
  const sent = bodyOf(answer, payload)
  if (sent === undefined) return undefined
  const { body, type } = sent
  const kept: Record<string, HeaderValue> = { 'content-type': type }
  for (const [name, value] of headers) {
    if (value !== undefined && !NOT_KEPT.has(name))
      kept[name] = typeof value === 'number' ? String(value) : value
  }
  if (vary.length > 0) kept['vary'] = vary.join(', ')
  const etag = String(headers.get('etag') ?? etagOf(body))
  return { headers: { ...kept, etag }, etag, body }
}

const isPrivate = (cacheControl: Header): boolean =>
  wordsOf(cacheControl).some((word) => /^(?:no-store|private)(?:=|$)/.test(word))

type Header = string | number | readonly string[] | undefined

const wordsOf = (header: Header): string[] =>
  header === undefined
    ? []
    : String(header)
        .toLowerCase()
        .split(',')
        .map((word) => word.trim())

/** The bytes of a payload as Fastify would send them, with their type; undefined for a stream, or nothing. */
function bodyOf(answer: Answer, payload: unknown): { body: string | Buffer; type: string } | undefined {
  const given = answer.headers.get('content-type')
  const type = (otherwise: string) => (given === undefined ? otherwise : String(given))
  if (payload === undefined || isStream(payload)) return undefined
  if (Buffer.isBuffer(payload)) return { body: payload, type: type('application/octet-stream') }
  if (ArrayBuffer.isView(payload)) {
    const body = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    return { body, type: type('application/octet-stream') }
  }
  if (typeof payload === 'string' && (given === undefined || answer.serializer === undefined)) {
    return { body: payload, type: type('text/plain; charset=utf-8') }
  }
  return { body: answer.serialize(payload), type: type('application/json; charset=utf-8') }
}

const isStream = (payload: unknown): boolean =>
  payload instanceof Response ||
  (typeof payload === 'object' && payload !== null && ('pipe' in payload || 'getReader' in payload))
