import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { callerOf } from '../caller/index.ts'
import { ProblemError } from '../problem.ts'

/** How admins alone are let in. */
export interface Admission {
  /** Of each admin route. */
  readonly config: FastifyContextConfig
  /** Who uses a route: the caller's id, or `operator` for whoever has the ADMIN_TOKEN. */
  readonly whoOf: (request: FastifyRequest) => string | undefined
}

/**
 * Lets admins alone into the routes of an instance. Where callers are known (`callerPlugin`), these are callers with the
 * role `admin`, and the operator; elsewhere the ADMIN_TOKEN decides alone, and without one there is nobody to let in.
 */
export function admitAdmins(app: FastifyInstance, token: string | undefined): Admission | undefined {
  if (app.hasPlugin('lockstep-callers')) {
    return { config: { caller: 'admin' }, whoOf: (request) => callerOf(request)?.id }
  }
  if (token === undefined) return undefined
  const admitted = new WeakSet<FastifyRequest>()
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    if (!holds(request, token)) throw refused(reply)
    admitted.add(request)
  })
  return { config: {}, whoOf: (request) => (admitted.has(request) ? 'operator' : undefined) }
}

/** Compared by their hashes, in constant time: neither the length nor the beginning of the token can be guessed at. */
function holds({ headers }: FastifyRequest, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', token, 'buffer'))
}

function refused(reply: FastifyReply): ProblemError {
  reply.header('www-authenticate', 'Bearer realm="admin"')
  return new ProblemError({
    status: 401,
    code: 'ADMIN_TOKEN_REQUIRED',
    title: 'Unauthorized',
    detail: 'This needs Authorization: Bearer with the ADMIN_TOKEN of the service',
  })
}
