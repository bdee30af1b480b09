import { readSettings } from '@lockstep/settings'
import { type Teardown, testRedis, until } from '@lockstep/testing'
import { callerOf, openService, requireCaller, StandardSettings } from '../../src/index.ts'

export const KEY = 'a-key-of-more-than-thirty-two-characters'
export const OPERATOR = 'an-operator-token-of-this-test'

export async function open(t: Teardown, env: Record<string, string> = {}) {
  const server = env['REDIS_URL'] === undefined ? await testRedis(t) : undefined
  const settings = readSettings(StandardSettings, {
    REDIS_URL: server?.url,
    LOG_LEVEL: 'silent',
    TOKEN_KEY: KEY,
    SESSION_COOKIE_SECRET: KEY,
    SESSION_COOKIE_SECURE: 'false',
    ADMIN_TOKEN: OPERATOR,
    ...env,
  })
  const service = openService({ name: 'example', title: 'Example', description: 'Of a test', settings })
  const { app, redis } = service
  app.register(async (routes) => {
    routes.get('/open', async (request) => ({ caller: callerOf(request) ?? null }))
    routes.get('/maybe', { config: { caller: 'optional' } }, async (request) => ({
      caller: callerOf(request) ?? null,
    }))
    routes.get('/known', { config: { caller: 'required' } }, async (request) => requireCaller(request))
    routes.get('/admin', { config: { caller: 'admin' } }, async (request) => requireCaller(request))
    routes.post('/admin', { config: { caller: 'admin' } }, async (request) => requireCaller(request))
    routes.get('/service', { config: { caller: 'service' } }, async (request) => requireCaller(request))
    routes.post('/login', { config: { session: 'optional' } }, async (request) => {
      await request.session.login('17', { roles: ['admin'] })
      return {}
    })
  })
  t.teardown(() => app.close())
  await app.ready()
  if (server) await until('Redis answers', () => redis.available)
  const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })
  const bearer = (url: string, token: string) => get(url, { authorization: `Bearer ${token}` })
  return { ...service, server, get, bearer }
}
