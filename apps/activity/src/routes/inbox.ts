import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemAnswers, requireCaller } from '@lockstep/fastify'
import type { List } from '@lockstep/redis'
import { Type } from 'typebox'
import { Notice } from '../notices/notice.ts'
import { Notices, RecentQuery, secured, TrimQuery } from './schemas.ts'

/** The caller's own inbox (requirement D2): nobody can name another's. */
export const inboxRoutes: FastifyPluginAsyncTypebox<{ inboxes: List<Notice> }> = async (app, { inboxes }) => {
  const config = { caller: 'required' } as const
  const common = { tags: ['inbox'], security: secured }

  app.get(
    '/inbox',
    {
      config,
      schema: {
        ...common,
        summary: 'The latest notices, the latest first; they stay',
        querystring: RecentQuery,
        response: { 200: Notices, ...problemAnswers(400, 401, 429, 503) },
      },
    },
    async (request) => ({ items: await inboxes.recent(requireCaller(request).id, request.query.limit) }),
  )

  app.get(
    '/inbox/length',
    {
      config,
      schema: {
        ...common,
        summary: 'How many notices there are',
        response: { 200: Type.Object({ length: Type.Integer() }), ...problemAnswers(401, 429, 503) },
      },
    },
    async (request) => ({ length: await inboxes.length(requireCaller(request).id) }),
  )

  app.post(
    '/inbox/pop',
    {
      config,
      schema: {
        ...common,
        summary: 'Takes the latest notice out; 204 when there is none',
        response: { 200: Notice, 204: Type.Null(), ...problemAnswers(401, 429, 503) },
      },
    },
    async (request, reply) => {
      const notice = await inboxes.pop(requireCaller(request).id)
      return notice ?? reply.code(204).send(null)
    },
  )

  app.post(
    '/inbox/trim',
    {
      config,
      schema: {
        ...common,
        summary: 'Removes all notices but the latest',
        querystring: TrimQuery,
        response: { 200: Type.Object({ removed: Type.Integer() }), ...problemAnswers(400, 401, 429, 503) },
      },
    },
    async (request) => ({ removed: await inboxes.trim(requireCaller(request).id, request.query.keep) }),
  )
}
