import type { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemAnswers, type Tokens } from '@lockstep/fastify'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Hub } from '../feed/hub.ts'
import { PLACE } from '../feed/place.ts'
import { feedsFull, lastEventIdInvalid, tooManyFeeds } from '../problems.ts'
import { permitOf } from './permits.ts'
import { secured } from './schemas.ts'

const isPlace = new RegExp(PLACE)

const FeedQuery = Type.Object({
  lastEventId: Type.Optional(
    Type.String({ pattern: PLACE, description: 'For clients that cannot send Last-Event-ID, which wins' }),
  ),
})

const Events = Type.Unsafe<Readable>({ type: 'string' })

/** The caller's own feed, live (requirement A5): server-sent events, as `EventSource` reads them. */
export const feedRoutes: FastifyPluginAsyncTypebox<{ hub: Hub; tokens: Tokens }> = async (
  app,
  { hub, tokens },
) => {
  app.get(
    '/feed',
    {
      config: { caller: 'required' },
      schema: {
        tags: ['feed'],
        summary: 'Notices as they come, as server-sent events; goes on after Last-Event-ID',
        security: secured,
        querystring: FeedQuery,
        response: {
          200: { description: 'Events', content: { 'text/event-stream': { schema: Events } } },
          ...problemAnswers(400, 401, 429, 503),
        },
      },
    },
    async (request, reply) => {
      const place = lastEventId(request) ?? request.query.lastEventId
      const opened = hub.open(permitOf(request, tokens, app.sessions), place)
      if (opened === 'too many') throw tooManyFeeds()
      if (opened === 'full') throw feedsFull()
      reply.raw.once('close', () => opened.end())
      // A connection that was kept after its feed would hold up a replica that stops. And nginx would collect events.
      return reply
        .header('content-type', 'text/event-stream')
        .header('connection', 'close')
        .header('x-accel-buffering', 'no')
        .send(opened.stream)
    },
  )
}

/** Not in the schema: there, every header that is not named would be dropped. */
function lastEventId(request: FastifyRequest): string | undefined {
  const given = request.headers['last-event-id']
  if (given === undefined) return undefined
  if (typeof given === 'string' && isPlace.test(given)) return given
  throw lastEventIdInvalid()
}
