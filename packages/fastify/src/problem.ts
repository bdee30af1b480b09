import Type, { type Static } from 'typebox'

/** The body of every error answer (RFC 9457, application/problem+json). */
export const Problem = Type.Object({
  type: Type.String({ description: 'about:blank: the title says it all' }),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String({ description: 'Stable; made for programs' }),
  detail: Type.Optional(Type.String()),
  instance: Type.String({ description: 'The request, as in the log' }),
  errors: Type.Optional(
    Type.Array(Type.Object({ field: Type.String(), message: Type.String() }), {
      description: 'What is wrong with which field',
    }),
  ),
})
export type Problem = Static<typeof Problem>

/** The error answers that a route can give, by status, for its documentation. */
export function problemAnswers(...statuses: number[]) {
  const content = { 'application/problem+json': { schema: Problem } }
  return Object.fromEntries(statuses.map((status) => [status, { description: 'Problem', content }]))
}

/** An error that a client is meant to see. Thrown by routes; everything else becomes a 500 that says nothing. */
export class ProblemError extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  /** Seconds after which trying again makes sense, for Retry-After. */
  readonly retryAfter: number | undefined
  readonly field: string | undefined

  /** @param problem.code stable, in capitals, such as `BOOK_NOT_FOUND` */
  constructor(problem: {
    status: number
    code: string
    title: string
    detail?: string
    retryAfter?: number
    field?: string
    cause?: unknown
  }) {
    super(problem.detail ?? problem.title, { cause: problem.cause })
    this.name = 'ProblemError'
    this.status = problem.status
    this.code = problem.code
    this.title = problem.title
    this.retryAfter = problem.retryAfter
    this.field = problem.field
  }
}
