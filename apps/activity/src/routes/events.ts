import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemAnswers } from '@lockstep/fastify'
import { Type } from 'typebox'
import { OrderCompleted } from '../events/event.ts'
import type { RecordEvent } from '../events/recorder.ts'
import type { Notices } from '../notices/notices.ts'
import { NewNotification, secured } from './schemas.ts'

/** What comes in: events of other services, and notifications by admins. */
export const eventRoutes: FastifyPluginAsyncTypebox<{ record: RecordEvent; notices: Notices }> = async (
  app,
  { record, notices },
) => {
  app.post(
    '/events',
    {
      config: { caller: 'service' },
      schema: {
        tags: ['events'],
        summary: 'Records what happened in another service: once for an id, however often it is sent',
        security: secured,
        body: OrderCompleted,
        response: { 202: Type.Object({ id: Type.String() }), ...problemAnswers(400, 401, 403, 503) },
      },
    },
    async ({ body }, reply) => {
      await record(body, new Date())
      return reply.code(202).send({ id: body.id })
    },
  )

  app.post(
    '/notifications',
    {
      config: { caller: 'admin' },
      schema: {
        tags: ['events'],
        summary: 'Tells a user something, in the inbox and on the feed',
        security: secured,
        body: NewNotification,
        response: {
          202: Type.Object({
            id: Type.String(),
            receivers: Type.Integer({
              description: 'How many replicas heard it at once; it is kept all the same',
            }),
          }),
          ...problemAnswers(400, 401, 403, 429, 503),
        },
      },
    },
    async ({ body: { id = randomUUID(), user, text } }, reply) => {
      const at = new Date().toISOString()
      const receivers = await notices.give(user, { id, kind: 'notification', text, at })
      return reply.code(202).send({ id, receivers })
    },
  )
}
