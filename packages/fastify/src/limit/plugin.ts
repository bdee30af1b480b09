import type { Policy } from '@lockstep/coordination'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { callersOf, type LimitSubject } from './callers.ts'
import { addChecks } from './check.ts'
import type { LimitPluginOptions } from './options.ts'
import { Policies } from './policies.ts'

/** Limits as seen from outside of a request. */
export interface Limits {
  /** One of the instance's policies by its name. @throws {RouteLimitError} when there is none */
  policy(name: string): Policy
  /**
   * Counts a request against one of the policies, as on a route that names it: for what is known only later.
   *
   * @throws {ProblemError} 429 when it is one too many
   */
  check(policy: string, request: FastifyRequest, reply: FastifyReply): Promise<void>
  /**
   * Frees all permits that a user, an API key or an address has taken from a policy: for an admin.
   *
   * @throws {RouteLimitError | RedisUnavailableError}
   */
  forget(policy: string, caller: LimitSubject): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly limits: Limits
  }
}

/** The routes of `healthPlugin`: a balancer that were told 429 would take the replica out. */
const HEALTH = new Set(['/livez', '/startupz', '/readyz', '/health'])

/**
 * Limits the routes added from now on (requirement S2), and addresses that are none: each by its `config.limit`, or else
 * all together by the default policy.
 *
 * @throws {RouteLimitError} for options that cannot be; also when a route is added whose `config.limit` cannot be
 */
export function useLimits(app: FastifyInstance, options: LimitPluginOptions): void {
  const callers = callersOf(options)
  const policies = new Policies(options, callers)
  const limits: Limits = {
    policy: (name) => policies.named(name).policy,
    check: async (name, request, reply) => policies.named(name).check(request, reply),
    forget: async (name, caller) => policies.named(name).policy.forget(callers.keyFor(caller)),
  }
  app.decorate('limits', limits)
  app.addHook('onRoute', (route) => {
    const { limit } = route.config ?? {}
    if (limit === false || (limit === undefined && HEALTH.has(route.url))) return
    const method = [route.method].flat().join('-')
    addChecks(route, limit === undefined ? policies.default : policies.of(method, route.url, limit))
  })
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return
    for (const { check } of policies.default) await check(request, reply)
  })
}

/** The same as {@link useLimits} as a plugin: routes that come after it, in plugins of their own, are limited. */
export const limitPlugin = fp<LimitPluginOptions>(async (app, options) => useLimits(app, options), {
  name: 'lockstep-limits',
  fastify: '5.x',
})
