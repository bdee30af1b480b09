import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemAnswers, requireCaller, type Tokens } from '@lockstep/fastify'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { emailOf } from '../accounts/email.ts'
import { Credentials, User } from '../accounts/user.ts'
import type { LoggedIn, Login } from '../login/login.ts'
import { attemptsUsedUp, loginFailed } from '../problems.ts'
import { Ended, TokenAnswer } from './schemas.ts'

const tags = ['auth']

/**
 * Logging in, for a bearer token or for a session (requirements A1, S1), and out. A token cannot be taken back alone: it
 * ends by itself, or by `logout-everywhere`, which ends all sessions and tokens in all services.
 */
export const authRoutes: FastifyPluginAsyncTypebox<{ login: Login; tokens: Tokens }> = async (
  app,
  { login, tokens },
) => {
  app.post(
    '/auth/token',
    {
      config: { limit: 'login' },
      schema: {
        tags,
        summary: 'Logs in for a bearer token',
        body: Credentials,
        response: { 200: TokenAnswer, ...problemAnswers(400, 401, 429, 503) },
      },
    },
    async ({ body }, reply) => {
      reply.header('cache-control', 'no-store')
      const { user, begun } = succeeded(
        reply,
        await login.logIn(emailOf(body.email), body.password, ({ id, roles }, generation) =>
          tokens.issue({ user: String(id), roles, generation }),
        ),
      )
      return { ...begun, user }
    },
  )

  app.post(
    '/auth/login',
    {
      config: { limit: 'login', session: 'optional' },
      schema: {
        tags,
        summary: 'Logs in for a session, which a cookie carries; always with a new id',
        body: Credentials,
        response: { 200: User, ...problemAnswers(400, 401, 409, 429, 503) },
      },
    },
    async ({ body, session }, reply) => {
      const { user } = succeeded(
        reply,
        await login.logIn(emailOf(body.email), body.password, ({ id, roles }, generation) =>
          session.login(String(id), { roles }, { generation }),
        ),
      )
      return user
    },
  )

  app.post(
    '/auth/logout',
    {
      config: { session: 'optional' },
      schema: {
        tags,
        summary: 'Ends the session of the cookie, if there is one',
        response: { 204: Type.Null(), ...problemAnswers(401, 429, 503) },
      },
    },
    async ({ session }, reply) => {
      await session.logOut()
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/auth/logout-everywhere',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: 'Ends all sessions and tokens of the caller, in all services and replicas',
        response: { 200: Ended, ...problemAnswers(401, 429, 503) },
      },
    },
    async (request) => {
      const { id, via } = requireCaller(request)
      // By its session the cookie is cleared, too.
      const end = via === 'session' ? request.session.logOutEverywhere() : app.sessions.endAll(id)
      return { sessions: await end }
    },
  )
}

function succeeded<T>(reply: FastifyReply, result: LoggedIn<T>) {
  if (result.kind === 'done') return result
  if (result.kind === 'limited') throw attemptsUsedUp(result.retryAfterMs)
  reply.header('www-authenticate', 'Bearer realm="bookshop"')
  throw loginFailed()
}
