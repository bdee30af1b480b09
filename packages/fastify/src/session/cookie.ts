import fastifyCookie from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isId } from './id.ts'
import type { SessionSettings } from './settings.ts'

/** The cookie that carries a session's id. */
export interface SessionCookie {
  readonly name: string
  /** The id that the request carries: `none` without a cookie, `tampered` for one that we have not signed. */
  read(request: FastifyRequest): { id: string } | 'none' | 'tampered'
  /** @param lifetime milliseconds */
  give(reply: FastifyReply, id: string, lifetime: number): void
  clear(reply: FastifyReply): void
}

/**
 * Whether it is `Secure` is a setting and not looked for in the request: TLS mostly ends at a proxy, and what a request says
 * of that can only be believed of a proxy that is known. So nothing hangs on `trustProxy` here.
 */
export function sessionCookie(settings: SessionSettings): SessionCookie {
  const secure = settings.SESSION_COOKIE_SECURE
  const name = secure ? '__Host-session' : 'session'
  const signer = new fastifyCookie.Signer(settings.SESSION_COOKIE_SECRET.split(','))
  // The empty domain overrides one that an application gives to all of its cookies: `__Host-` allows none.
  const attributes = { path: '/', domain: '', httpOnly: true, sameSite: 'lax', secure } as const
  return {
    name,
    read(request) {
      const text = request.cookies[name]
      if (text === undefined || text === '') return 'none'
      const { valid, value } = signer.unsign(text)
      return valid && isId(value) ? { id: value } : 'tampered'
    },
    give: (reply, id, lifetime) =>
      void reply.setCookie(name, signer.sign(id), { ...attributes, maxAge: Math.ceil(lifetime / 1000) }),
    clear: (reply) => void reply.clearCookie(name, attributes),
  }
}
