import { errors, jwtVerify, SignJWT } from 'jose'
import { tokenExpired, tokenInvalid } from './errors.ts'

const ISSUER = 'lockstep'
const AUDIENCE = 'bookshop'

/** What a token says. */
export interface TokenClaims {
  /** A user's id, or the name of a service. */
  readonly user: string
  readonly roles: readonly string[]
  /** Of the user's sessions, from before the password was checked: a log-out everywhere ends the token, too. */
  readonly generation?: string | undefined
}

/** Bearer tokens: JWT signed with a key that all services share (RFC 7519, HS256). */
export interface Tokens {
  /** Resolves to a token, and the seconds that it is good for. */
  issue(claims: TokenClaims): Promise<{ token: string; expiresIn: number }>
  /** @throws {ProblemError} 401 for a token that is forged, malformed, of another kind or out of its time */
  verify(token: string): Promise<TokenClaims>
}

/**
 * @param keys the first signs, all are accepted
 * @param ttl milliseconds
 */
export function tokensOf(keys: readonly string[], ttl: number): Tokens {
  const secrets = keys.map((key) => new TextEncoder().encode(key))
  const [first] = secrets
  if (first === undefined) throw new RangeError('There must be a key')
  const expiresIn = Math.ceil(ttl / 1000)
  return {
    async issue({ user, roles, generation }) {
      const token = await new SignJWT({ roles, ...(generation === undefined ? {} : { gen: generation }) })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(user)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime(`${expiresIn}s`)
        .sign(first)
      return { token, expiresIn }
    },
    async verify(token) {
      for (const secret of secrets) {
        const claims = await verified(token, secret)
        if (claims !== 'other key') return claims
      }
      throw tokenInvalid()
    },
  }
}

async function verified(token: string, secret: Uint8Array): Promise<TokenClaims | 'other key'> {
  try {
    const { payload } = await jwtVerify(token, secret, {
      algorithms: ['HS256'],
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['sub', 'exp', 'iat', 'roles'],
    })
    const { sub: user, roles, gen: generation } = payload
    const known = Array.isArray(roles) && roles.every((role) => typeof role === 'string')
    if (user === undefined || user === '' || !known) throw tokenInvalid()
    if (generation !== undefined && typeof generation !== 'string') throw tokenInvalid()
    return { user, roles, generation }
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return 'other key'
    if (error instanceof errors.JOSEError)
      throw error instanceof errors.JWTExpired ? tokenExpired() : tokenInvalid()
    throw error
  }
}
