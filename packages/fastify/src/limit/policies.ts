import { LimitPolicyError } from '@lockstep/coordination'
import { DurationError } from '@lockstep/settings'
import type { Callers } from './callers.ts'
import { type Limit, limitOf } from './check.ts'
import { RouteLimitError } from './errors.ts'
import {
  checkOptions,
  DEFAULT_LIMIT,
  type LimitOptions,
  type LimitPluginOptions,
  nameOf,
  type RouteLimit,
  type RouteLimitOptions,
} from './options.ts'

/** The policies of an instance: those with a name, and those of single routes. */
export class Policies {
  /** Of routes that say nothing. */
  readonly default: readonly Limit[]
  readonly #options: LimitPluginOptions
  readonly #callers: Callers
  readonly #named = new Map<string, Limit>()
  /** By their options, so that the HEAD route that Fastify makes of a GET route has the same budget. */
  readonly #own = new Map<RouteLimitOptions, Limit>()

  /** @throws {RouteLimitError} for policies that cannot be */
  constructor(options: LimitPluginOptions, callers: Callers) {
    this.#options = options
    this.#callers = callers
    for (const [name, policy] of Object.entries(options.policies ?? {})) {
      this.#define(`the policy ${name}`, name, policy)
    }
    const { default: unnamed = DEFAULT_LIMIT } = options
    if (unnamed === false) this.default = []
    else if (typeof unnamed === 'string') this.default = [this.#find('the default', unnamed)]
    else this.default = [this.#define('the default', 'default', unnamed)]
  }

  /** @throws {RouteLimitError} naming the route */
  of(method: string, url: string, given: RouteLimit): readonly Limit[] {
    const where = `${method} ${url}`
    const all = Array.isArray(given) ? given : [given]
    const limits = all.map((one: string | RouteLimitOptions) =>
      typeof one === 'string' ? this.#find(where, one) : this.#ofRoute(where, nameOf(method, url), one),
    )
    if (limits.length === 0) throw new RouteLimitError(where, 'there is none in the list: false is none')
    if (new Set(limits).size < limits.length) throw new RouteLimitError(where, 'one is there twice')
    return limits
  }

  /** @throws {RouteLimitError} when there is none of this name */
  named(name: string): Limit {
    return this.#find('the instance', name)
  }

  #find(where: string, name: string): Limit {
    const limit = this.#named.get(name)
    if (limit !== undefined) return limit
    const known = [...this.#named.keys()].join(', ') || 'there are none'
    throw new RouteLimitError(where, `there is no policy ${JSON.stringify(name)} (${known})`)
  }

  #ofRoute(where: string, name: string, options: RouteLimitOptions): Limit {
    const limit = this.#own.get(options) ?? this.#define(where, options?.name ?? name, options)
    this.#own.set(options, limit)
    return limit
  }

  #define(where: string, name: string, options: LimitOptions): Limit {
    checkOptions(where, options)
    const { by = 'user', hook = 'onRequest', ...policy } = options
    const { limiter, apiKey, legacyHeaders: legacy = false } = this.#options
    if (by === 'api-key' && apiKey === undefined) {
      throw new RouteLimitError(where, 'by is api-key, and the plugin was not told apiKey: header and known')
    }
    try {
      const limit = limitOf(limiter.policy({ ...policy, name }), { by, hook, callers: this.#callers, legacy })
      this.#named.set(name, limit)
      return limit
    } catch (error) {
      if (!(error instanceof LimitPolicyError || error instanceof DurationError)) throw error
      throw new RouteLimitError(where, error.message, { cause: error })
    }
  }
}
