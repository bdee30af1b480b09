import type { Policy } from '@lockstep/coordination'
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Callers } from './callers.ts'
import { limitReached, limitStoreUnavailable } from './errors.ts'
import { appendHeader, type LimitHeaders, legacyHeaders, limitHeaders, secondsOf } from './headers.ts'
import type { LimitBy, LimitHook } from './options.ts'

/** A policy as routes have it. */
export interface Limit {
  readonly policy: Policy
  readonly by: LimitBy
  readonly hook: LimitHook
  readonly headers: LimitHeaders
  /** A hook that refuses by throwing. */
  readonly check: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
}

export function limitOf(
  policy: Policy,
  { by, hook, callers, legacy }: { by: LimitBy; hook: LimitHook; callers: Callers; legacy: boolean },
): Limit {
  const headers = limitHeaders(policy)

  async function check(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const key = await callers.keyOf(request, by)
    if (key === undefined) return
    const decision = await policy.consume(key)
    appendHeader(reply, 'ratelimit-policy', headers.policy)
    appendHeader(reply, 'ratelimit', headers.limit(decision))
    if (legacy) legacyHeaders(reply, decision)
    if (decision.allowed) return
    const retryAfter = secondsOf(decision.retryAfterMs)
    // Also where the error handler is not ours.
    reply.header('retry-after', retryAfter)
    const refusal = decision.source === 'fallback' ? limitStoreUnavailable : limitReached
    throw refusal(policy.name, retryAfter)
  }

  return { policy, by, hook, headers, check }
}

/** Puts the checks behind the route's own hooks, and so behind those of the instance. */
export function addChecks(route: RouteOptions, limits: readonly Limit[]): void {
  for (const { hook, check } of limits) {
    if (hook === 'onRequest') route.onRequest = [...[route.onRequest ?? []].flat(), check]
    else if (hook === 'preParsing') route.preParsing = [...[route.preParsing ?? []].flat(), check]
    else if (hook === 'preValidation') route.preValidation = [...[route.preValidation ?? []].flat(), check]
    else route.preHandler = [...[route.preHandler ?? []].flat(), check]
  }
}
