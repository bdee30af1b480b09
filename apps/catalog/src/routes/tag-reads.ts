import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { cacheStatus, hasAlready, problemAnswers, readAfter } from '@lockstep/fastify'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { BookPage } from '../books/book.ts'
import { tagPageTags } from '../books/caches.ts'
import type { Catalog } from '../books/catalog.ts'
import { bookNotFound } from '../problems.ts'
import { BookTags, parseTag, type TagsRevision } from '../tags/tag.ts'
import type { Tagging } from '../tags/tagging.ts'
import type { PageSettings } from './pages.ts'
import { AuthorQuery, BookPairParams, BookParams, BookTagParams, NotModified, TagParams } from './schemas.ts'

const Has = Type.Object({ tag: Type.String(), has: Type.Boolean() })
const Count = Type.Object({ count: Type.Integer() })
const Common = Type.Object({ tags: Type.Array(Type.String()) })

/** Reading the tags of books (requirement D3): sets in Redis, or the database where Redis cannot tell. */
export const tagReadRoutes: FastifyPluginAsyncTypebox<{
  catalog: Catalog
  tagging: Tagging
  pages: PageSettings
}> = async (app, { catalog, tagging, pages }) => {
  /** Which revision a book's tags are at, as fresh as the request asks. @throws {ProblemError} when there is no book */
  async function revisionOf(id: number, request: FastifyRequest, reply: FastifyReply): Promise<TagsRevision> {
    const reading = await tagging.revision(id, readAfter(request))
    reply.header('cache-status', cacheStatus(reading))
    if (!reading.value) throw bookNotFound(String(id))
    return reading.value
  }

  app.get(
    '/books/:id/tags',
    {
      schema: {
        tags: ['books'],
        summary: 'All tags of a book',
        params: BookParams,
        response: { 200: BookTags, 304: NotModified, ...problemAnswers(400, 404, 503) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const revision = await revisionOf(id, request, reply)
      const known = etagOf(revision)
      if (hasAlready(request.headers['if-none-match'], known)) {
        reply.header('etag', known)
        return reply.code(304).send()
      }
      const found = await tagging.tags(revision)
      reply.header('etag', etagOf(found))
      return { bookId: id, tags: [...found.tags] }
    },
  )

  app.get(
    '/books/:id/tags/:tag',
    {
      schema: {
        tags: ['books'],
        summary: 'Whether a book has a tag',
        params: BookTagParams,
        response: { 200: Has, ...problemAnswers(400, 404, 503) },
      },
    },
    async (request, reply) => {
      const revision = await revisionOf(request.params.id, request, reply)
      const tag = parseTag(request.params.tag) ?? ''
      return { tag, has: await tagging.has(revision, tag) }
    },
  )

  app.get(
    '/books/:id/tag-count',
    {
      schema: {
        tags: ['books'],
        summary: 'How many tags a book has',
        params: BookParams,
        response: { 200: Count, ...problemAnswers(400, 404, 503) },
      },
    },
    async (request, reply) => ({
      count: await tagging.count(await revisionOf(request.params.id, request, reply)),
    }),
  )

  app.get(
    '/books/:id/common-tags/:other',
    {
      schema: {
        tags: ['books'],
        summary: 'The tags that two books share',
        params: BookPairParams,
        response: { 200: Common, ...problemAnswers(400, 404, 503) },
      },
    },
    async (request, reply) => {
      const { id, other } = request.params
      const [first, second] = await Promise.all([
        revisionOf(id, request, reply),
        revisionOf(other, request, reply),
      ])
      return { tags: [...(await tagging.common(first, second))] }
    },
  )

  app.get(
    '/tags/:tag/books',
    {
      config: { cache: { ...pages, tags: ({ params }) => tagPageTags(tagOf(params)) } },
      schema: {
        tags: ['books'],
        summary: 'The books with a tag, a page at a time',
        params: TagParams,
        querystring: AuthorQuery,
        response: { 200: BookPage, 304: NotModified, ...problemAnswers(400, 503) },
      },
    },
    async ({ params, query }) => catalog.page({ tag: tagOf(params), ...query }),
  )
}

const etagOf = ({ id, revision }: TagsRevision) => `W/"${id}-${revision ?? 'untagged'}"`

const tagOf = (params: unknown): string =>
  typeof params === 'object' && params !== null && 'tag' in params && typeof params.tag === 'string'
    ? (parseTag(params.tag) ?? '')
    : ''
