import type { Duration } from '@lockstep/settings'
import type { FastifyRequest } from 'fastify'
import { RouteCacheError } from './errors.ts'

/** How the answers of a route are cached: its `config.cache`. */
export interface RouteCacheOptions {
  /** Of the named cache that holds them. Default: `http-` and the words of the address, `http-books-id` for `/books/:id`. */
  readonly name?: string
  /** Of the shape of the answers: raise it when that changes, and old ones are never sent. Default 1. */
  readonly version?: number
  readonly ttl: Duration
  /** For how long past its ttl an answer is sent while the handler makes a new one. Default: not at all. */
  readonly staleWhileRevalidate?: Duration
  /** The longest that the handler may take, and that a replica waits for another one's. Default 10 s. */
  readonly hardTimeout?: Duration
  /** What evicts the answer, besides its own name. */
  readonly tags?: readonly string[] | ((request: FastifyRequest) => readonly string[])
  /** Names of request headers that the answer depends on; also sent as `Vary`. */
  readonly vary?: readonly string[]
  /** What tells answers apart, instead of the parameters of path and query. */
  readonly key?: (request: FastifyRequest) => string
  /** The `Cache-Control` that is sent with them. */
  readonly cacheControl?: string
  /** Requests with `Authorization` get the same answer as all others. Or put `authorization` into `vary`. */
  readonly sharesAuthorized?: boolean
  /** How many answers the memory of a replica holds. Default: that of the cache object. */
  readonly maxEntries?: number
  /** The largest body that is cached, with its headers, in bytes. Default 1 MiB. */
  readonly maxBytes?: number
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Caches the answers of the route, when the cache plugin is there. */
    cache?: RouteCacheOptions
  }
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i
const KNOWN = new Set([
  'name',
  'version',
  'ttl',
  'staleWhileRevalidate',
  'hardTimeout',
  'tags',
  'vary',
  'key',
  'cacheControl',
  'sharesAuthorized',
  'maxEntries',
  'maxBytes',
])

/** @throws {RouteCacheError} for what the cache itself would not notice */
export function checkOptions(route: string, options: RouteCacheOptions): void {
  const unknown = Object.keys(options).find((name) => !KNOWN.has(name))
  if (unknown !== undefined) throw new RouteCacheError(route, `there is no option ${unknown}`)
  const header = options.vary?.find((name) => !TOKEN.test(name))
  if (header !== undefined) {
    throw new RouteCacheError(route, `vary names ${JSON.stringify(header)}, which is not a header`)
  }
  if (options.cacheControl !== undefined && /\bno-store\b/i.test(options.cacheControl)) {
    throw new RouteCacheError(route, 'cacheControl says no-store: leave config.cache out')
  }
}

/** `http-books-id` for `/books/:id`. */
export const nameOf = (url: string): string =>
  ['http', ...url.toLowerCase().split(/[^a-z0-9]+/), ...(url.includes('*') ? ['any'] : [])]
    .filter((word) => word !== '')
    .join('-')
