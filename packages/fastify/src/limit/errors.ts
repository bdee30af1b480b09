import { ProblemError } from '../problem.ts'

/** A route or the plugin was told something about limits that cannot be. */
export class RouteLimitError extends Error {
  readonly code = 'LOCKSTEP_ROUTE_LIMIT'

  constructor(where: string, problem: string, options?: ErrorOptions) {
    super(`The limits of ${where}: ${problem}`, options)
    this.name = 'RouteLimitError'
  }
}

/** @param retryAfter seconds */
export const limitReached = (policy: string, retryAfter: number) =>
  new ProblemError({
    status: 429,
    code: 'RATE_LIMITED',
    title: 'Too Many Requests',
    detail: `The limit ${policy} is used up: try again in ${retryAfter} s`,
    retryAfter,
  })

/** Of a policy that refuses all while Redis is away. @param retryAfter seconds */
export const limitStoreUnavailable = (policy: string, retryAfter: number) =>
  new ProblemError({
    status: 503,
    code: 'LIMIT_STORE_UNAVAILABLE',
    title: 'Service Unavailable',
    detail: `The limit ${policy} cannot be counted now`,
    retryAfter,
  })
