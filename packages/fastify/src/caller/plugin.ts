import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ProblemError } from '../problem.ts'
import { SAFE_METHODS } from '../safe-methods.ts'
import { type Caller, isAdmin, setCaller } from './caller.ts'
import { callerRequired, forbidden, tokenInvalid } from './errors.ts'
import type { Tokens } from './tokens.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Who may call: anybody who is known, those with the role `admin`, other services, or everybody (`optional`). Without
     * this a route has no caller.
     */
    caller?: 'optional' | 'required' | 'admin' | 'service'
  }
}

export interface CallerPluginOptions {
  readonly tokens: Tokens
  /** Whoever has it is the operator, an admin. */
  readonly operatorToken?: string | undefined
  /** Told before a request is refused, so that guesses are counted; what it throws is answered instead. */
  readonly onRefused?: ((request: FastifyRequest, reply: FastifyReply) => Promise<void>) | undefined
}

const OPERATOR: Caller = { id: 'operator', roles: ['admin', 'service'], via: 'operator' }

/**
 * Finds out who calls, for the routes with a `config.caller`: by a bearer token (RFC 6750) or, where there is none, by the
 * session. A token is good until its time is over or its user is logged out everywhere; while Redis does not answer, its
 * signature must do, except for what an admin changes. Needs `sessionPlugin` before it.
 */
export const callerPlugin = fp<CallerPluginOptions>(
  async (app, { tokens, operatorToken, onRefused }) => {
    const operator = operatorToken === undefined ? undefined : digest(operatorToken)

    app.addHook('onRoute', (route) => {
      if (route.config?.caller === undefined) return
      route.config.session ??= 'optional'
      route.schema = { security: [{ bearer: [] }, { session: [] }], ...route.schema }
    })
    app.addHook('onRequest', async (request, reply) => {
      const { caller: wanted } = request.routeOptions.config
      if (wanted === undefined) return
      reply.header('cache-control', 'no-store')
      try {
        const caller = await find(request, reply)
        if (caller) setCaller(request, caller)
        if (wanted === 'optional') return
        if (caller === undefined) throw challenge(reply, callerRequired())
        if (wanted !== 'required' && !caller.roles.includes(wanted)) throw forbidden(wanted)
      } catch (error) {
        if (error instanceof ProblemError && error.status < 500) await onRefused?.(request, reply)
        throw error
      }
    })

    async function find(request: FastifyRequest, reply: FastifyReply): Promise<Caller | undefined> {
      const { authorization } = request.headers
      if (authorization === undefined) return bySession(request)
      const token = /^Bearer +([!-~]+) *$/i.exec(authorization)?.[1]
      if (token === undefined) throw challenge(reply, tokenInvalid())
      if (operator && timingSafeEqual(digest(token), operator)) return OPERATOR
      try {
        return await byToken(token, SAFE_METHODS.has(request.method))
      } catch (error) {
        throw error instanceof ProblemError && error.status === 401 ? challenge(reply, error, true) : error
      }
    }

    async function byToken(token: string, safe: boolean): Promise<Caller> {
      const { user, roles, generation } = await tokens.verify(token)
      const caller: Caller = { id: user, roles, via: 'token' }
      if (generation === undefined) {
        // Only services call without a generation: they are never logged out.
        if (roles.length === 1 && roles[0] === 'service') return caller
        throw tokenInvalid()
      }
      const now = await generationOf(caller, safe)
      if (now !== undefined && now !== generation) throw tokenInvalid()
      return caller
    }

    async function generationOf(caller: Caller, safe: boolean): Promise<string | undefined> {
      try {
        return await app.sessions.generation(caller.id)
      } catch (error) {
        if (!(error instanceof ProblemError) || (isAdmin(caller) && !safe)) throw error
        return undefined
      }
    }
  },
  { name: 'lockstep-callers', fastify: '5.x', dependencies: ['lockstep-sessions'] },
)

/** @throws {ProblemError} 503 when there is a cookie, and nobody can say whose */
function bySession(request: FastifyRequest): Caller | undefined {
  const { session } = request
  if (!session.available && request.routeOptions.config.caller !== 'optional') throw sessionsAway()
  const { user: id, data } = session
  if (id === undefined) return undefined
  const roles = Array.isArray(data['roles']) ? data['roles'].filter((role) => typeof role === 'string') : []
  return { id, roles, via: 'session' }
}

const sessionsAway = () =>
  new ProblemError({
    status: 503,
    code: 'SESSION_STORE_UNAVAILABLE',
    title: 'Service Unavailable',
    detail: 'Sessions cannot be read now; a bearer token does',
    retryAfter: 1,
  })

/** How to be let in (RFC 9110, 15.5.2; RFC 6750, 3). */
function challenge(reply: FastifyReply, problem: ProblemError, presented = false): ProblemError {
  reply.header('www-authenticate', `Bearer realm="bookshop"${presented ? ', error="invalid_token"' : ''}`)
  return problem
}

/** Compared by their hashes, in constant time: neither the length nor the beginning of the token can be guessed at. */
const digest = (token: string): Buffer => hash('sha256', token, 'buffer')
