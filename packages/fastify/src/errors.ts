import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Problem, ProblemError } from './problem.ts'

export interface ErrorsOptions {
  /** Turns a fault that this service knows (its database is away) into what a client is told; undefined: not known. */
  readonly translate?: (error: unknown) => ProblemError | undefined
}

/** Every error answer as problem+json (RFC 9457). What we did not foresee is logged whole and told as a bare 500. */
export const errorsPlugin = fp<ErrorsOptions>(
  async (app, { translate = () => undefined }) => {
    app.setErrorHandler<FastifyError>((error, request, reply) => {
      const known = error instanceof ProblemError ? error : translate(error)
      if (known) return sendKnown(known, request, reply)
      return sendFastify(error, request, reply)
    })
    app.setNotFoundHandler((request, reply) =>
      sendProblem(request, reply, {
        status: 404,
        code: 'ROUTE_NOT_FOUND',
        detail: 'There is nothing at this address',
      }),
    )
  },
  { name: 'lockstep-errors', fastify: '5.x' },
)

/** For `frameworkErrors`: what Fastify finds wrong before a route is known, such as a malformed address. */
export const frameworkErrors =
  (servedBy: string) => (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
    void sendFastify(error, request, reply.header('x-served-by', servedBy))

function sendKnown(error: ProblemError, request: FastifyRequest, reply: FastifyReply) {
  if (error.status >= 500) request.log.warn({ err: error }, 'request failed')
  if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter)
  const { status, code, title, message, field } = error
  const errors = field === undefined ? undefined : [{ field, message }]
  return sendProblem(request, reply, { status, code, title, detail: message, ...(errors ? { errors } : {}) })
}

function sendFastify(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
  if (error.validation) {
    const [first] = error.validation
    const part = error.validationContext ?? 'body'
    const field = fieldOf(first, part)
    const message = first?.message ?? 'is not valid'
    return sendProblem(request, reply, {
      status: 400,
      code: 'VALIDATION_FAILED',
      detail: `${field} ${message}`,
      errors: [{ field, message }],
    })
  }
  const status = error.statusCode ?? 500
  if (status < 500) return sendProblem(request, reply, { status, code: error.code, detail: error.message })
  request.log.error({ err: error }, 'request failed unexpectedly')
  return sendProblem(request, reply, { status: 500, code: 'INTERNAL_ERROR' })
}

type ValidationIssue = NonNullable<FastifyError['validation']>[number]

/** `body.authors.0`, `query.limit`: the part of the request, and the path in it. */
function fieldOf(issue: ValidationIssue | undefined, part: string): string {
  const path = issue?.instancePath.split('/').slice(1) ?? []
  const { missingProperty, additionalProperty } = issue?.params ?? {}
  const named = [missingProperty, additionalProperty].filter((name) => typeof name === 'string')
  return [part === 'querystring' ? 'query' : part, ...path, ...named].join('.')
}

function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: Omit<Problem, 'type' | 'title' | 'instance'> & { title?: string },
) {
  const body: Problem = {
    type: 'about:blank',
    title: STATUS_CODES[problem.status] ?? 'Error',
    ...problem,
    instance: `urn:uuid:${request.id}`,
  }
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .serializer(JSON.stringify)
    .send(body)
}
