import type { Tokens } from '@lockstep/fastify'

/** A token is used for this part of its life, so that none expires on its way. */
const SHARE = 0.5

/**
 * The token by which this service is known to others, issued anew before it expires.
 *
 * @param now milliseconds
 */
export function serviceToken(tokens: Pick<Tokens, 'issue'>, user: string, now: () => number) {
  let held = ''
  let until = Number.NEGATIVE_INFINITY
  return async (): Promise<string> => {
    const asked = now()
    if (asked < until) return held
    const { token, expiresIn } = await tokens.issue({ user, roles: ['service'] })
    held = token
    until = asked + expiresIn * 1000 * SHARE
    return token
  }
}
