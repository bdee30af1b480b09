import { LoadTimeoutError } from '@lockstep/cache'
import { ProblemError } from '@lockstep/fastify'
import { faultOf } from '@lockstep/postgres'
import { MAX_TAGS } from './tags/tag.ts'

/** Seconds after which a client may try again when the database is away. */
const RETRY_AFTER = 2

export const bookNotFound = (which: string) =>
  new ProblemError({
    status: 404,
    code: 'BOOK_NOT_FOUND',
    title: 'Not Found',
    detail: `There is no book ${which}`,
  })

export const versionConflict = (id: number, given: number, current: number) =>
  new ProblemError({
    status: 409,
    code: 'VERSION_CONFLICT',
    title: 'Conflict',
    detail: `Book ${id} is at version ${current}, not ${given}: read it again and repeat the change`,
    field: 'version',
  })

export const tagNotFound = (id: number, tag: string) =>
  new ProblemError({
    status: 404,
    code: 'TAG_NOT_FOUND',
    title: 'Not Found',
    detail: `Book ${id} has no tag ${JSON.stringify(tag)}`,
  })

export const tooManyTags = (id: number) =>
  new ProblemError({
    status: 409,
    code: 'TOO_MANY_TAGS',
    title: 'Conflict',
    detail: `Book ${id} has ${MAX_TAGS} tags, which is as many as a book may have`,
  })

/** What a client is told of a fault in what the catalogue stands on. */
export function translate(error: unknown): ProblemError | undefined {
  if (error instanceof LoadTimeoutError) return databaseAway(error)
  const fault = faultOf(error)
  if (fault.kind === 'unavailable') return databaseAway(error)
  const field = fault.kind === 'unique' ? /^books_(isbn1[03])$/.exec(fault.constraint)?.[1] : undefined
  if (field === undefined) return undefined
  return new ProblemError({
    status: 409,
    code: 'ISBN_TAKEN',
    title: 'Conflict',
    detail: 'Another book has this ISBN',
    field: `body.${field}`,
  })
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
