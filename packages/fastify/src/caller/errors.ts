import { ProblemError } from '../problem.ts'

export const callerRequired = () =>
  new ProblemError({
    status: 401,
    code: 'CALLER_REQUIRED',
    title: 'Unauthorized',
    detail: 'This needs to know who calls: send Authorization: Bearer with a token, or log in for a session',
  })

/** Of what is wrong with a token only this much is told: whether another one would do. */
export const tokenInvalid = (expired: boolean) =>
  new ProblemError({
    status: 401,
    code: expired ? 'TOKEN_EXPIRED' : 'TOKEN_INVALID',
    title: 'Unauthorized',
    detail: expired ? 'The token has expired: get another one' : 'The token is not one that is accepted here',
  })

export const forbidden = (role: string) =>
  new ProblemError({
    status: 403,
    code: 'FORBIDDEN',
    title: 'Forbidden',
    detail: `This needs the role ${role}`,
  })
