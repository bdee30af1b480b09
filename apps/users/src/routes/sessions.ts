import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemAnswers } from '@lockstep/fastify'
import { Type } from 'typebox'
import { sessionNotFound } from '../problems.ts'
import { userIdOf } from './access.ts'
import { SessionList, SessionParams } from './schemas.ts'

const tags = ['sessions']

/** The devices on which the caller is logged in (requirement S1). */
export const sessionRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/sessions',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: "The caller's sessions, the latest first",
        response: { 200: SessionList, ...problemAnswers(401, 403, 429, 503) },
      },
    },
    async (request) => {
      const found = await app.sessions.list(String(userIdOf(request)))
      const { reference: current } = request.session
      return {
        items: found.map(({ reference, created, seen, ends, agent }) => ({
          reference,
          created: dateOf(created),
          seen: dateOf(seen),
          ends: dateOf(ends),
          agent,
          current: reference === current,
        })),
      }
    },
  )

  app.delete(
    '/sessions/:reference',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: "Ends one of the caller's sessions",
        params: SessionParams,
        response: { 204: Type.Null(), ...problemAnswers(400, 401, 403, 404, 429, 503) },
      },
    },
    async (request, reply) => {
      const ended = await app.sessions.end(String(userIdOf(request)), request.params.reference)
      if (!ended) throw sessionNotFound()
      return reply.code(204).send(null)
    },
  )
}

const dateOf = (ms: number) => new Date(ms).toISOString()
