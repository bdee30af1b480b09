import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { callerOf } from '../caller/index.ts'
import { ProblemError } from '../problem.ts'

/** Who uses an admin route: the caller's id, or `operator` for whoever has the ADMIN_TOKEN. */
export type WhoOf = (request: FastifyRequest) => string | undefined

/**
 * Lets admins alone into the routes that are added to an instance from now on. Where callers are known (`callerPlugin`),
 * these are callers with the role `admin`, and the operator; elsewhere the ADMIN_TOKEN decides alone, and without one
 * there is nobody to let in.
 */
export function admitAdmins(app: FastifyInstance, token: string | undefined): WhoOf | undefined {
  if (app.hasPlugin('lockstep-callers')) {
    app.addHook('onRoute', (route) => {
      route.config = { ...route.config, caller: 'admin' }
    })
    return (request) => callerOf(request)?.id
  }
  if (token === undefined) return undefined
  const admitted = new WeakSet<FastifyRequest>()
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    if (!holds(request, token)) throw refused(reply)
    admitted.add(request)
  })
  return (request) => (admitted.has(request) ? 'operator' : undefined)
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
