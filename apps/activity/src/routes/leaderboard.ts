import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemAnswers } from '@lockstep/fastify'
import { systemClock } from '@lockstep/redis'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { type Known, lastKnown } from '../leaderboard/last-known.ts'
import type { Leaderboard, Standing as Place, Ranked as Rank } from '../leaderboard/leaderboard.ts'
import { notRanked, rangeInvalid } from '../problems.ts'
import { BookParams, Count, RangeQuery, Ranked, Score, Standing, secured, TopQuery } from './schemas.ts'

/** The best-sellers. Everybody may read them; while Redis is away, reads get this replica's last answer and its age. */
export const leaderboardRoutes: FastifyPluginAsyncTypebox<{ leaderboard: Leaderboard }> = async (
  app,
  { leaderboard },
) => {
  const { now } = systemClock
  const tops = lastKnown<{ items: Rank[] }>(now)
  const ranges = lastKnown<{ items: Place[] }>(now)
  const counts = lastKnown<{ count: number }>(now)
  const places = lastKnown<Rank | undefined>(now)

  app.get(
    '/leaderboard',
    {
      schema: {
        tags: ['leaderboard'],
        summary: 'The books that sell best, the best first',
        querystring: TopQuery,
        response: { 200: Type.Object({ items: Type.Array(Ranked) }), ...problemAnswers(400, 429, 503) },
      },
    },
    async ({ query: { skip, limit } }, reply) =>
      answer(
        reply,
        await tops(`${skip} ${limit}`, async () => ({ items: await leaderboard.top(limit, skip) })),
      ),
  )

  app.get(
    '/leaderboard/range',
    {
      schema: {
        tags: ['leaderboard'],
        summary: 'Books by how many were sold, from min to max, the most first',
        querystring: RangeQuery,
        response: { 200: Type.Object({ items: Type.Array(Standing) }), ...problemAnswers(400, 429, 503) },
      },
    },
    async ({ query: { min, max, ...page } }, reply) => {
      if (max < min) throw rangeInvalid()
      const { skip, limit } = page
      return answer(
        reply,
        await ranges(`${min} ${max} ${skip} ${limit}`, async () => ({
          items: await leaderboard.range(min, max, page),
        })),
      )
    },
  )

  app.get(
    '/leaderboard/count',
    {
      schema: {
        tags: ['leaderboard'],
        summary: 'How many books are on it',
        response: { 200: Count, ...problemAnswers(429, 503) },
      },
    },
    async (_request, reply) =>
      answer(reply, await counts('', async () => ({ count: await leaderboard.count() }))),
  )

  app.get(
    '/leaderboard/:bookId',
    {
      schema: {
        tags: ['leaderboard'],
        summary: 'The rank of a book, and how many were sold',
        params: BookParams,
        response: { 200: Ranked, ...problemAnswers(400, 404, 429, 503) },
      },
    },
    async ({ params: { bookId } }, reply) => {
      const place = answer(reply, await places(String(bookId), () => leaderboard.of(bookId)))
      if (!place) throw notRanked(bookId)
      return place
    },
  )

  app.put(
    '/leaderboard/:bookId',
    {
      config: { caller: 'admin' },
      schema: {
        tags: ['leaderboard'],
        summary: 'Sets how many of a book count as sold',
        security: secured,
        params: BookParams,
        body: Type.Object({ score: Score }, { additionalProperties: false }),
        response: { 200: Standing, ...problemAnswers(400, 401, 403, 429, 503) },
      },
    },
    async (request) => {
      const { bookId } = request.params
      const { score } = request.body
      await leaderboard.set(bookId, score)
      return { bookId, score }
    },
  )

  app.delete(
    '/leaderboard/:bookId',
    {
      config: { caller: 'admin' },
      schema: {
        tags: ['leaderboard'],
        summary: 'Takes a book off it; the next one sold puts it back',
        security: secured,
        params: BookParams,
        response: { 204: Type.Null(), ...problemAnswers(400, 401, 403, 404, 429, 503) },
      },
    },
    async ({ params: { bookId } }, reply) => {
      if (!(await leaderboard.remove(bookId))) throw notRanked(bookId)
      return reply.code(204).send(null)
    },
  )
}

/** With its age (RFC 9111) when it is not from now. */
function answer<T>(reply: FastifyReply, { value, age }: Known<T>): T {
  if (age !== undefined)
    reply.header('age', age).header('cache-status', 'lockstep-memory; hit; detail=l2-away')
  return value
}
