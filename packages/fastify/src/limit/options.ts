import type { Limiter, PolicyOptions } from '@lockstep/coordination'
import type { FastifyRequest } from 'fastify'
import { RouteLimitError } from './errors.ts'

/** What a budget belongs to. Without a user, or a key that is known, it is the address. */
export type LimitBy = 'user' | 'api-key' | 'address'
/** Where in the life of a request it is counted: behind the hooks of the instance and of the route at that point. */
export type LimitHook = 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler'

type WithoutName<T> = T extends unknown ? Omit<T, 'name'> : never

/** A policy of the limiter, and whom it counts. */
export type LimitOptions = WithoutName<PolicyOptions> & {
  /** Default `user`. */
  readonly by?: LimitBy
  /** Default `onRequest`: before a body is read. Later, where only a later hook knows the user. */
  readonly hook?: LimitHook
}

/** One that a route has for itself. Default name: of its method and address, `get-books-id` for `GET /books/:id`. */
export type RouteLimitOptions = LimitOptions & { readonly name?: string }

/** The name of a policy, or one of the route's own. Several are asked in their order, up to the first that refuses. */
export type RouteLimit = string | RouteLimitOptions | readonly (string | RouteLimitOptions)[]

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The limits of the route in place of the default, when the limit plugin is there; `false`: none. */
    limit?: RouteLimit | false
  }
}

type Awaitable<T> = T | Promise<T>

export interface LimitPluginOptions {
  readonly limiter: Limiter
  /** Those that routes name. A route that names one takes from the same budget as all others that do. */
  readonly policies?: Readonly<Record<string, LimitOptions>>
  /** For all routes without `config.limit`, together. Default: 100 a minute by user. A name, or `false` for none. */
  readonly default?: string | LimitOptions | false
  /** The user of a request, undefined when it is anonymous. Default: `sessionUser`. */
  readonly user?: (request: FastifyRequest) => Awaitable<string | undefined>
  /**
   * For policies by `api-key`. A key that is not `known` counts by its address: else whoever makes one up would have a
   * budget of his own.
   */
  readonly apiKey?: { readonly header: string; readonly known: (key: string) => Awaitable<boolean> }
  /** Who is never limited: addresses and CIDR blocks; users. */
  readonly allow?: {
    readonly addresses?: readonly string[]
    readonly user?: (user: string, request: FastifyRequest) => Awaitable<boolean>
  }
  /** How many bits of an IPv6 address are one client. Default 64. */
  readonly ipv6Prefix?: number
  /** Sends `X-RateLimit-Limit`, `-Remaining` and `-Reset`, too. Default false. */
  readonly legacyHeaders?: boolean
}

export const DEFAULT_LIMIT: LimitOptions = { limit: 100, window: '1m' }

const HOOKS: readonly unknown[] = ['onRequest', 'preParsing', 'preValidation', 'preHandler']
const BYS: readonly unknown[] = ['user', 'api-key', 'address']
/** All that a limit can be told. */
export const LIMIT_OPTIONS: ReadonlySet<string> = new Set([
  'limit',
  'window',
  'tiers',
  'by',
  'hook',
  'name',
  'kind',
  'burst',
  'whenAway',
  'shadow',
  'lease',
  'denyCache',
  'storeTimeout',
])

/** @throws {RouteLimitError} for what the limiter itself would not notice */
export function checkOptions(where: string, options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    const given = JSON.stringify(options)
    throw new RouteLimitError(where, `${given} is neither the name of a policy nor options, nor false`)
  }
  const given = new Map<string, unknown>(Object.entries(options))
  const unknown = [...given.keys()].find((name) => !LIMIT_OPTIONS.has(name))
  if (unknown !== undefined) throw new RouteLimitError(where, `there is no option ${unknown}`)
  for (const [name, values] of [['by', BYS] as const, ['hook', HOOKS] as const]) {
    const value = given.get(name)
    if (value === undefined || values.includes(value)) continue
    throw new RouteLimitError(
      where,
      `${name} is ${JSON.stringify(value)}, which is none of ${values.join(', ')}`,
    )
  }
}

/** `get-books-id` for `GET /books/:id`. */
export const nameOf = (method: string, url: string): string =>
  [method, ...url.split(/[^A-Za-z0-9]+/), ...(url.includes('*') ? ['any'] : [])]
    .filter((word) => word !== '')
    .join('-')
    .toLowerCase()
