import fastifyCookie from '@fastify/cookie'
import type { RedisLink } from '@lockstep/redis'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ProblemError } from '../problem.ts'
import { SAFE_METHODS } from '../safe-methods.ts'
import { SessionBus } from './bus.ts'
import { sessionCalls } from './calls.ts'
import { sessionCookie } from './cookie.ts'
import { challenge, crossSite, SessionUseError, sessionRequired } from './errors.ts'
import type { Random } from './id.ts'
import { sessionKeys } from './keys.ts'
import { noCounts } from './metrics.ts'
import { type Presented, Session } from './session.ts'
import { type Sessions, sessionsOf } from './sessions.ts'
import type { SessionSettings } from './settings.ts'
import { SessionStore } from './store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readonly sessions: Sessions
  }
  interface FastifyRequest {
    /** @throws {SessionUseError} on a route without `config.session` */
    readonly session: Session
  }
  interface FastifyContextConfig {
    /**
     * `required`: only for a user who is logged in, others get 401, and 503 when that cannot be known. `optional`: the
     * session is read if there is one. Without this a route costs Redis nothing, and has no session.
     */
    session?: 'required' | 'optional'
  }
}

export interface SessionPluginOptions {
  readonly link: RedisLink
  /** Begins every key: KEY_PREFIX. */
  readonly prefix: string
  readonly settings: SessionSettings
  /** The sessions of one user; a login beyond that ends the one that was unused for longest. Default 50. */
  readonly maxSessions?: number
  /** The largest data of a session, in bytes of JSON. Default 4096. */
  readonly maxBytes?: number
  /** Default: `randomBytes` of `node:crypto`. */
  readonly random?: Random
}

/** What browsers say of a request that a page of another origin has made (Fetch Metadata). */
const FOREIGN: ReadonlySet<unknown> = new Set(['cross-site', 'same-site'])

const ofRequests = new WeakMap<FastifyRequest, Session>()

/** The user who is logged in, on any route and also where nobody is: for a limiter or a log. */
export const sessionUser = (request: FastifyRequest): string | undefined => ofRequests.get(request)?.user

/** The user of a route whose session is required. @throws {ProblemError} 401 where nobody is logged in */
export function requireUser(request: FastifyRequest): string {
  const user = sessionUser(request)
  if (user === undefined) throw sessionRequired()
  return user
}

/** Sessions in Redis (requirement S1) for the routes that have a `config.session`, whether added before this or after. */
export const sessionPlugin = fp<SessionPluginOptions>(
  async (app, { link, prefix, settings, maxSessions = 50, maxBytes = 4096, random }) => {
    if (!app.hasReplyDecorator('setCookie')) await app.register(fastifyCookie)
    const [idle, absolute] = [Math.ceil(settings.SESSION_IDLE), Math.ceil(settings.SESSION_ABSOLUTE)]
    const keys = sessionKeys(link, prefix)
    const counts = noCounts()
    const calls = sessionCalls(link, keys, counts)
    const bus = new SessionBus(link, keys)
    const store = new SessionStore(calls, {
      idle,
      absolute,
      most: maxSessions,
      maxBytes,
      random,
      onCorrupt: (reference) =>
        app.log.error({ reference }, 'a session record in Redis is corrupt; this is said once'),
    })
    const cookie = sessionCookie(settings)
    const around = { store, sessions: sessionsOf(calls, bus, absolute), cookie }
    if (!settings.SESSION_COOKIE_SECURE) {
      app.log.warn('session cookies go over plain HTTP: set SESSION_COOKIE_SECURE where browsers come by TLS')
    }

    async function open(request: FastifyRequest, reply: FastifyReply): Promise<Session> {
      const carried = cookie.read(request)
      if (carried === 'tampered') counts.tampered++
      const id = typeof carried === 'string' ? undefined : carried.id
      const state = id === undefined ? 'none' : await present(id, request)
      return new Session(around, request, reply, id, state)
    }

    /** Where a session is optional, a store that is away takes nothing but the session from the request. */
    async function present(id: string, request: FastifyRequest): Promise<Presented> {
      try {
        return await store.read(id)
      } catch (error) {
        if (request.routeOptions.config.session !== 'optional' || !(error instanceof ProblemError))
          throw error
        return 'unavailable'
      }
    }

    app.decorate('sessions', around.sessions)
    app.decorateRequest('session', {
      getter() {
        const session = ofRequests.get(this)
        if (session) return session
        throw new SessionUseError(`${this.method} ${this.routeOptions.url} has no config.session`)
      },
    })
    app.addHook('onRequest', async (request, reply) => {
      const { session: wanted, cache } = request.routeOptions.config
      if (wanted === undefined) return
      if (cache !== undefined) {
        throw new SessionUseError(
          `${request.routeOptions.url} has a config.cache, too: its answers are shared`,
        )
      }
      reply.header('cache-control', 'no-store')
      // SameSite=Lax keeps the cookie from other sites, but not from other hosts and ports of this one.
      const foreign = !SAFE_METHODS.has(request.method) && FOREIGN.has(request.headers['sec-fetch-site'])
      if (foreign && request.cookies[cookie.name] !== undefined) throw crossSite()
      const session = await open(request, reply)
      ofRequests.set(request, session)
      if (wanted !== 'optional' && session.user === undefined) throw challenge(reply, sessionRequired())
    })
    app.addHook('onClose', () => bus.close())
  },
  { name: 'lockstep-sessions', fastify: '5.x' },
)
