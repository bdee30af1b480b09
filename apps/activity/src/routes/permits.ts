import { ProblemError, requireCaller, type Sessions, type Tokens } from '@lockstep/fastify'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { Permit } from '../feed/permit.ts'

const isTimed = Compile(Type.Object({ exp: Type.Number() }))

/**
 * The right of a request to what lasts longer than the request: for as long as its session lives, or its token is good.
 * An open feed is no use of a session, which may end for want of any.
 */
export function permitOf(request: FastifyRequest, tokens: Tokens, sessions: Sessions): Permit {
  const { id: user, via } = requireCaller(request)
  if (via === 'operator') return { user, ends: Number.POSITIVE_INFINITY, holds: async () => true }
  if (via === 'session') {
    const { reference, ends = Number.POSITIVE_INFINITY } = request.session
    const lives = async () => (await sessions.list(user)).some((session) => session.reference === reference)
    return { user, ends, holds: lives }
  }
  const token = request.headers.authorization?.replace(/^Bearer +/i, '').trimEnd() ?? ''
  return { user, ends: expiryOf(token), holds: () => isGood(token, tokens, sessions) }
}

/** When a token that has been verified expires, in ms since the epoch. */
function expiryOf(token: string): number {
  const [, payload = ''] = token.split('.')
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
  return isTimed.Check(claims) ? claims.exp * 1000 : 0
}

async function isGood(token: string, tokens: Tokens, sessions: Sessions): Promise<boolean> {
  try {
    const { user, generation } = await tokens.verify(token)
    return generation === undefined || generation === (await sessions.generation(user))
  } catch (error) {
    if (error instanceof ProblemError && error.status === 401) return false
    throw error
  }
}
