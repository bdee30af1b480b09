import type { FastifyReply } from 'fastify'
import { ProblemError } from '../problem.ts'

/** Seconds: the link asks every 250 ms whether Redis is back. */
const RETRY_AFTER = 1

/** A route, or a call, asks something of sessions that cannot be: a mistake in the code, not in the request. */
export class SessionUseError extends Error {
  readonly code = 'LOCKSTEP_SESSION_USE'

  constructor(problem: string) {
    super(`Sessions: ${problem}`)
    this.name = 'SessionUseError'
  }
}

export const sessionRequired = () =>
  new ProblemError({
    status: 401,
    code: 'SESSION_REQUIRED',
    title: 'Unauthorized',
    detail: 'This needs the session of a user: log in first',
  })

export const sessionEnded = () =>
  new ProblemError({
    status: 401,
    code: 'SESSION_ENDED',
    title: 'Unauthorized',
    detail: 'The session has ended, or has another id by now, while the request was under way',
  })

export const crossSite = () =>
  new ProblemError({
    status: 403,
    code: 'CROSS_SITE',
    title: 'Forbidden',
    detail: 'A page of another site may not change anything in the name of this session',
  })

/** Says with a 401 how to be let in, as it must (RFC 9110, 15.5.2): by a cookie, which browsers ask nobody for. */
export function challenge(reply: FastifyReply, problem: ProblemError): ProblemError {
  reply.header('www-authenticate', 'Cookie realm="session"')
  return problem
}

export const loginSuperseded = () =>
  new ProblemError({
    status: 409,
    code: 'SESSION_SUPERSEDED',
    title: 'Conflict',
    detail: 'The user was logged out everywhere while this login was under way: log in again',
  })

export const dataTooLarge = (bytes: number, most: number) =>
  new ProblemError({
    status: 413,
    code: 'SESSION_DATA_TOO_LARGE',
    title: 'Content Too Large',
    detail: `A session holds ${most} bytes of data, not ${bytes}`,
  })

/**
 * The store failed. Of the cause only the message is told, and to the log alone: an error of a Redis client carries its
 * command, and with that what the session holds.
 */
export const storeUnavailable = (cause: unknown) =>
  new ProblemError({
    status: 503,
    code: 'SESSION_STORE_UNAVAILABLE',
    title: 'Service Unavailable',
    detail: 'Sessions can neither be read nor written now',
    retryAfter: RETRY_AFTER,
    cause: new Error(cause instanceof Error ? cause.message : String(cause)),
  })
