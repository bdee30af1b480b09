import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemAnswers, tellWrite } from '@lockstep/fastify'
import { Type } from 'typebox'
import { bookNotFound, tagNotFound, tooManyTags } from '../problems.ts'
import { BookTags, parseTag } from '../tags/tag.ts'
import type { Tagging } from '../tags/tagging.ts'
import { BookTagParams } from './schemas.ts'
import type { WriterConfig } from './writers.ts'

/** Tagging books, by whoever may write; as with other writes, the answer's `Lockstep-Write` makes reads see it everywhere. */
export const tagWriteRoutes: FastifyPluginAsyncTypebox<{ tagging: Tagging; writer: WriterConfig }> = async (
  app,
  { tagging, writer },
) => {
  app.put(
    '/books/:id/tags/:tag',
    {
      ...writer.route,
      schema: {
        tags: ['books'],
        summary: 'Gives a book a tag: 201, or 200 when it had it already',
        params: BookTagParams,
        response: { 200: BookTags, 201: BookTags, ...problemAnswers(400, ...writer.refusals, 404, 409, 503) },
      },
    },
    async ({ params }, reply) => {
      const { id } = params
      const { result, written } = await tagging.add(id, parseTag(params.tag) ?? '')
      tellWrite(reply, ...written)
      if (result.kind === 'absent') throw bookNotFound(String(id))
      if (result.kind === 'full') throw tooManyTags(id)
      return reply.code(result.kind === 'done' ? 201 : 200).send({ bookId: id, tags: [...result.of.tags] })
    },
  )

  app.delete(
    '/books/:id/tags/:tag',
    {
      ...writer.route,
      schema: {
        tags: ['books'],
        summary: 'Takes a tag off a book',
        params: BookTagParams,
        response: { 204: Type.Null(), ...problemAnswers(400, ...writer.refusals, 404, 503) },
      },
    },
    async ({ params }, reply) => {
      const { id } = params
      const tag = parseTag(params.tag) ?? ''
      const { result, written } = await tagging.remove(id, tag)
      tellWrite(reply, ...written)
      if (result.kind === 'absent') throw bookNotFound(String(id))
      if (result.kind !== 'done') throw tagNotFound(id, tag)
      return reply.code(204).send(null)
    },
  )
}
