import { isWriteToken, type WriteToken } from '@lockstep/cache'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError } from '../problem.ts'

/** Where a write stands in the history of the cache: in the answer to the write, and in requests that must see it. */
const WRITE_HEADER = 'lockstep-write'
/** The write is not in Redis yet: whoever must see it reads past the caches. */
const PENDING = 'pending'

/**
 * Tells the client of a write which request header makes every replica's reads see it: `Lockstep-Write`.
 *
 * @param written what invalidations and mutations resolved to
 */
export function tellWrite(reply: FastifyReply, ...written: readonly { readonly token: WriteToken }[]): void {
  const tokens = written.map(({ token }) => token)
  reply.header(WRITE_HEADER, tokens.includes('') ? PENDING : tokens.join('-'))
}

/**
 * What the client of a request must see at least, for `books.read(id, readAfter(request))`; undefined when it says nothing.
 *
 * @throws {ProblemError} 400 when the header is no token
 */
export function readAfter(request: FastifyRequest): { readonly after: WriteToken } | undefined {
  const given = request.headers[WRITE_HEADER]
  if (given === undefined) return undefined
  if (given === PENDING) return { after: '' }
  if (typeof given === 'string' && isWriteToken(given)) return { after: given }
  throw new ProblemError({
    status: 400,
    code: 'WRITE_TOKEN_INVALID',
    title: 'Bad Request',
    detail: 'Lockstep-Write must be what the answer to a write said',
  })
}
