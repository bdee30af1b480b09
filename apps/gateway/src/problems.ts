import { ProblemError } from '@lockstep/fastify'

export const noReplica = (service: string) =>
  new ProblemError({
    status: 503,
    code: 'NO_REPLICA',
    title: 'Service Unavailable',
    detail: `No replica of ${service} answers`,
    retryAfter: 1,
  })

export const notForwarded = () =>
  new ProblemError({
    status: 502,
    code: 'NOT_FORWARDED',
    title: 'Bad Gateway',
    detail: 'The request could not be forwarded as it is',
  })

export const cutOff = () =>
  new ProblemError({
    status: 502,
    code: 'REPLICA_FAILED',
    title: 'Bad Gateway',
    detail: 'The replica failed while it had the request; whether it was carried out is not known',
  })

export const tooSlow = () =>
  new ProblemError({
    status: 504,
    code: 'REPLICA_TIMEOUT',
    title: 'Gateway Timeout',
    detail: 'The replica did not answer in time',
  })

export const methodNotAllowed = (method: string) =>
  new ProblemError({
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    title: 'Method Not Allowed',
    detail: `Nothing here is asked with ${method}`,
  })

export const ambiguousPath = () =>
  new ProblemError({
    status: 400,
    code: 'PATH_AMBIGUOUS',
    title: 'Bad Request',
    detail: 'The path has segments of dots, which name another path to some programs',
  })
