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
  for (const value of valuesOf(params)) path += path === '' ? encode(value) : `/${encode(value)}`
  const asked = entriesOf(query)
  if (asked.length === 0) return path
  const sorted = asked.length === 1 ? asked : asked.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `${path}?${sorted.map(([name, value]) => `${encode(name)}${encodeValue(name, value)}`).join('&')}`
}

const valuesOf = (given: unknown): unknown[] =>
  typeof given === 'object' && given !== null ? Object.values(given) : []

const entriesOf = (given: unknown): [string, unknown][] =>
  typeof given === 'object' && given !== null
    ? Object.entries(given).filter(([, value]) => value !== undefined)
    : []

function encodeValue(name: string, value: unknown): string {
  if (!Array.isArray(value)) return value === null ? '' : `=${encode(value)}`
  return value.map((one, at) => `${at === 0 ? '' : `&${encode(name)}`}=${encode(one)}`).join('')
}

const encode = (value: unknown): string => encodeURIComponent(textOf(value).toWellFormed())

function textOf(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
