import { hash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'

/** Longer ones are told by their hash: they are kept once an entry, in Redis and in memory. */
const LONGEST = 400

/**
 * What tells the answers of a route apart: the parameters of the path and, sorted, of the query, as they are after
 * validation, so that two ways to ask the same are one entry. Request headers are told by a hash: they may hold secrets.
 */
export function idOf(
  request: FastifyRequest,
  vary: readonly string[],
  key: ((request: FastifyRequest) => string) | undefined,
  tenant: ((request: FastifyRequest) => string) | undefined,
): string {
  let id = tenant === undefined ? '' : encode(tenant(request))
  id += `/${key === undefined ? ofAddress(request) : key(request)}`
  if (vary.length > 0) id += `#${digest(JSON.stringify(vary.map((name) => request.headers[name] ?? null)))}`
  return id.length > LONGEST ? `~${digest(id)}` : id
}

const digest = (text: string): string => hash('sha256', text, 'base64url').slice(0, 22)

function ofAddress({ params, query }: FastifyRequest): string {
  let path = ''
  if (isRecord(params)) {
    for (const name in params) path += path === '' ? encode(params[name]) : `/${encode(params[name])}`
  }
  if (!isRecord(query)) return path
  const asked: string[] = []
  for (const name in query) if (query[name] !== undefined) asked.push(name)
  if (asked.length === 0) return path
  return `${path}?${asked
    .toSorted()
    .map((name) => encodeField(encode(name), query[name]))
    .join('&')}`
}

const isRecord = (given: unknown): given is Record<string, unknown> =>
  typeof given === 'object' && given !== null

function encodeField(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => `${name}=${encode(one)}`).join('&')
  return value === null ? name : `${name}=${encode(value)}`
}

/** Half of a surrogate pair, which cannot be encoded, becomes U+FFFD. */
function encode(value: unknown): string {
  if (value === undefined) return ''
  if (typeof value !== 'string') return encodeURIComponent(JSON.stringify(value).toWellFormed())
  return PLAIN.test(value) ? value : encodeURIComponent(value.toWellFormed())
}

/** What encoding leaves as it is. */
const PLAIN = /^[\w.~-]*$/
