import { Writable } from 'node:stream'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown, until } from '@lockstep/testing'
import { type FastifyInstance, fastify } from 'fastify'
import {
  errorsPlugin,
  requireUser,
  type SessionPluginOptions,
  SessionSettings,
  sessionPlugin,
  sessionUser,
} from '../../src/index.ts'

export const SECRET = 'a-secret-of-more-than-32-characters'

interface Options {
  readonly env?: Record<string, string>
  readonly plugin?: Partial<SessionPluginOptions>
  /** Runs before the plugin is registered. */
  readonly before?: (app: FastifyInstance) => unknown
  readonly routes?: (app: FastifyInstance) => unknown
}

/** A service with sessions, and a link to Redis of its own: one replica. */
export async function openApp(t: Teardown, redis: Record<string, string>, options: Options = {}) {
  const link = openRedis(
    readSettings(RedisSettings, { REDIS_COMMAND_TIMEOUT: '5s', REDIS_RETRY_DELAY_MAX: '50ms', ...redis }),
    'test',
    recordingLogger(),
  )
  const logged: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk))
      done()
    },
  })
  const app = fastify({ logger: { level: 'info', stream } })
  app.addHook('onClose', () => link.close())
  app.register(errorsPlugin, {})
  options.before?.(app)
  const settings = readSettings(SessionSettings, { SESSION_COOKIE_SECRET: SECRET, ...options.env })
  app.register(sessionPlugin, { link, prefix: 'shop', settings, ...options.plugin })
  addRoutes(app)
  options.routes?.(app)
  t.teardown(() => app.close())
  await app.ready()
  await until('Redis answers', () => link.available)
  return { app, link, logged: () => logged.join('') }
}

export type App = Awaited<ReturnType<typeof openApp>>

interface LoginBody {
  user: string
  data?: Record<string, unknown>
  generation?: string
}

const required = { config: { session: 'required' } } as const
const optional = { config: { session: 'optional' } } as const

function addRoutes(app: FastifyInstance): void {
  app.get('/plain', async (request) => ({ plain: true, user: sessionUser(request) ?? null }))
  app.get('/me', required, async (request) => ({
    user: requireUser(request),
    data: request.session.data,
    reference: request.session.reference,
  }))
  app.get('/must', optional, async (request) => ({ user: requireUser(request) }))
  app.get('/maybe', optional, async ({ session }) => ({
    user: session.user ?? null,
    data: session.data,
    available: session.available,
  }))
  app.post<{ Body: LoginBody }>('/login', optional, async ({ session, body: { user, data, generation } }) => {
    await session.login(user, data, generation === undefined ? {} : { generation })
    return { user: session.user }
  })
  app.post<{ Body: Record<string, unknown> }>('/save', optional, async ({ session, body }) => {
    await session.save(body)
    return session.data
  })
  app.post('/logout', optional, async ({ session }) => {
    await session.logOut()
    return { user: session.user ?? null }
  })
  app.post<{ Body: { user?: string } }>('/logout-everywhere', optional, async ({ session, body }) => ({
    ended: await session.logOutEverywhere(body.user),
  }))
}

/** A client that keeps cookies as a browser does: what comes last counts. */
export function browser({ app }: Pick<App, 'app'>, jar: Record<string, string> = {}) {
  const send = async (method: 'GET' | 'POST', url: string, body: object | undefined, cookies = jar) => {
    const answer = await app.inject({
      method,
      url,
      headers: {
        'user-agent': 'test-browser',
        cookie: Object.entries(cookies)
          .map(([name, value]) => `${name}=${value}`)
          .join('; '),
      },
      ...(body === undefined ? {} : { payload: body }),
    })
    for (const { name, value, maxAge } of answer.cookies) {
      if (maxAge === 0) delete jar[name]
      else jar[name] = encodeURIComponent(value)
    }
    const { statusCode: status, headers } = answer
    return { status, headers, setCookie: headers['set-cookie'], body: answer.json<Record<string, unknown>>() }
  }
  return {
    jar,
    get: (url: string) => send('GET', url, undefined),
    post: (url: string, body: object = {}) => send('POST', url, body),
  }
}
