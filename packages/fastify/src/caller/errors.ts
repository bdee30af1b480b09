import { ProblemError } from '../problem.ts'

export const callerRequired = () =>
  new ProblemError({
    status: 401,
    code: 'CALLER_REQUIRED',
    title: 'Unauthorized',
    detail: 'This needs to know who calls: send Authorization: Bearer with a token, or log in for a session',
  })

/** Nothing more is told of what is wrong with it. */
export const tokenInvalid = () =>
  new ProblemError({
    status: 401,
    code: 'TOKEN_INVALID',
    title: 'Unauthorized',
    detail: 'The token is not one that is accepted here',
  })

export const tokenExpired = () =>
  new ProblemError({
    status: 401,
    code: 'TOKEN_EXPIRED',
    title: 'Unauthorized',
    detail: 'The token has expired: get another one',
  })

export const forbidden = (role: string) =>
  new ProblemError({
    status: 403,
    code: 'FORBIDDEN',
    title: 'Forbidden',
    detail: `This needs the role ${role}`,
  })
