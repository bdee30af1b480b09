import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { ReadOptions } from '@lockstep/cache'
import {
  type Caller,
  cacheStatus,
  isAdmin,
  problemAnswers,
  readAfter,
  requireCaller,
} from '@lockstep/fastify'
import type { Accounts } from '../accounts/accounts.ts'
import { type Email, emailOf } from '../accounts/email.ts'
import { User, UserPage } from '../accounts/user.ts'
import { notYours, userNotFound } from '../problems.ts'
import { assertMayAct, idOf } from './access.ts'
import { EmailParams, ListQuery, UserParams } from './schemas.ts'

const tags = ['users']

/**
 * Reading accounts (requirement A1). Everybody but admins sees his own account alone: others get 403 whether or not it is
 * there. Answers are for one caller, and so are not cached as they are sent; the accounts in them are, as objects.
 */
export const userReads: FastifyPluginAsyncTypebox<{ accounts: Accounts }> = async (app, { accounts }) => {
  app.get(
    '/users',
    {
      config: { caller: 'admin' },
      schema: {
        tags,
        summary: 'All users, a page at a time; for admins',
        querystring: ListQuery,
        response: { 200: UserPage, ...problemAnswers(400, 401, 403, 429, 503) },
      },
    },
    async (request, reply) => {
      const reading = await accounts.page(request.query, readAfter(request))
      reply.header('cache-status', cacheStatus(reading))
      return reading.value ?? { items: [], total: 0, ...request.query }
    },
  )

  app.get(
    '/users/:id',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: 'A user by id; for the user and admins',
        params: UserParams,
        response: { 200: User, ...problemAnswers(400, 401, 403, 404, 429, 503) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      assertMayAct(requireCaller(request), id)
      const reading = await accounts.user(id, readAfter(request))
      reply.header('cache-status', cacheStatus(reading))
      if (!reading.value) throw userNotFound(String(id))
      return reading.value
    },
  )

  app.get(
    '/users/by-email/:email',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: 'A user by email; for the user and admins',
        params: EmailParams,
        response: { 200: User, ...problemAnswers(400, 401, 403, 404, 429, 503) },
      },
    },
    async (request, reply) => {
      const email = emailOf(request.params.email)
      const caller = requireCaller(request)
      const after = readAfter(request)
      // Of others nothing is looked up, so that not even the time tells whether they are there.
      if (!isAdmin(caller) && !(await hasEmail(caller, email, after))) throw notYours()
      const reading = await accounts.userByEmail(email, after)
      if (!reading?.value) throw userNotFound('with this email')
      reply.header('cache-status', cacheStatus(reading))
      return reading.value
    },
  )

  async function hasEmail(caller: Caller, email: Email, after: ReadOptions | undefined): Promise<boolean> {
    const id = idOf(caller)
    const own = id === undefined ? undefined : await accounts.user(id, after)
    return own?.value !== undefined && emailOf(own.value.email).key === email.key
  }
}
