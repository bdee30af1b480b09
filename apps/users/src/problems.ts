import { LoadTimeoutError } from '@lockstep/cache'
import { ProblemError } from '@lockstep/fastify'
import { faultOf } from '@lockstep/postgres'
import { RedisUnavailableError } from '@lockstep/redis'
import { PasswordsBusyError } from './passwords/queue.ts'

/** Seconds after which a client may try again when something that is needed is away. */
const RETRY_AFTER = 2

export const userNotFound = (which: string) =>
  new ProblemError({
    status: 404,
    code: 'USER_NOT_FOUND',
    title: 'Not Found',
    detail: `There is no user ${which}`,
  })

/** The same for users that are there and for those that are not. */
export const notYours = () =>
  new ProblemError({
    status: 403,
    code: 'FORBIDDEN',
    title: 'Forbidden',
    detail: 'Only the user himself and admins may do this',
  })

export const usersOnly = () =>
  new ProblemError({
    status: 403,
    code: 'FORBIDDEN',
    title: 'Forbidden',
    detail: 'This is for users with an account: services and the operator have none',
  })

export const versionConflict = (id: number, current: number) =>
  new ProblemError({
    status: 409,
    code: 'VERSION_CONFLICT',
    title: 'Conflict',
    detail: `User ${id} was changed meanwhile, and is at version ${current}: read it again and repeat the change`,
    field: 'version',
  })

export const lastAdmin = (id: number) =>
  new ProblemError({
    status: 409,
    code: 'LAST_ADMIN',
    title: 'Conflict',
    detail: `User ${id} is the last admin: make another one first`,
  })

export const emailTaken = (cause?: unknown) =>
  new ProblemError({
    status: 409,
    code: 'EMAIL_TAKEN',
    title: 'Conflict',
    detail: 'Another account has this address',
    field: 'body.email',
    cause,
  })

/** The same for a wrong password and for an address that nobody has. */
export const loginFailed = () =>
  new ProblemError({
    status: 401,
    code: 'LOGIN_FAILED',
    title: 'Unauthorized',
    detail: 'The email or the password is wrong',
  })

/** @param retryAfterMs milliseconds */
export const attemptsUsedUp = (retryAfterMs: number) =>
  new ProblemError({
    status: 429,
    code: 'ATTEMPTS_USED_UP',
    title: 'Too Many Requests',
    detail: 'Too many attempts for this account: try again later',
    retryAfter: Math.max(1, Math.ceil(retryAfterMs / 1000)),
  })

export const passwordRequired = () =>
  new ProblemError({
    status: 400,
    code: 'PASSWORD_REQUIRED',
    title: 'Bad Request',
    detail: 'Whoever changes his own password sends the current one, too',
    field: 'body.currentPassword',
  })

export const passwordWrong = () =>
  new ProblemError({
    status: 403,
    code: 'PASSWORD_WRONG',
    title: 'Forbidden',
    detail: 'The current password is another one',
    field: 'body.currentPassword',
  })

export const sessionNotFound = () =>
  new ProblemError({
    status: 404,
    code: 'SESSION_NOT_FOUND',
    title: 'Not Found',
    detail: 'You have no such session',
  })

export const fieldNotFound = (field: string) =>
  new ProblemError({
    status: 404,
    code: 'FIELD_NOT_FOUND',
    title: 'Not Found',
    detail: `Your profile has no ${field}`,
  })

/** What a client is told of a fault in what the service stands on. */
export function translate(error: unknown): ProblemError | undefined {
  if (error instanceof LoadTimeoutError) return databaseAway(error)
  if (error instanceof RedisUnavailableError) return redisAway(error)
  if (error instanceof PasswordsBusyError) return passwordsBusy(error)
  const fault = faultOf(error)
  if (fault.kind === 'unavailable') return databaseAway(error)
  return fault.kind === 'unique' && fault.constraint === 'users_email_key' ? emailTaken() : undefined
}

const databaseAway = (cause: unknown) =>
  new ProblemError({
    status: 503,
    code: 'DATABASE_UNAVAILABLE',
    title: 'Service Unavailable',
    detail: 'The database does not answer; what is cached is still served',
    retryAfter: RETRY_AFTER,
    cause,
  })

const redisAway = (cause: unknown) =>
  new ProblemError({
    status: 503,
    code: 'REDIS_UNAVAILABLE',
    title: 'Service Unavailable',
    detail: 'Redis does not answer; accounts are still read',
    retryAfter: RETRY_AFTER,
    cause,
  })

const passwordsBusy = (cause: unknown) =>
  new ProblemError({
    status: 503,
    code: 'PASSWORDS_BUSY',
    title: 'Service Unavailable',
    detail: 'Too many passwords wait to be checked',
    retryAfter: RETRY_AFTER,
    cause,
  })
