import { type Cache, DefinitionError, type NamedCache, type Reading } from '@lockstep/cache'
import { DurationError } from '@lockstep/settings'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import { cacheStatus } from '../cache-status.ts'
import { hasAlready } from './conditional.ts'
import { type Directly, sendDirectly } from './direct.ts'
import { RouteCacheError } from './errors.ts'
import { idOf } from './key.ts'
import { checkOptions, nameOf, type RouteCacheOptions } from './options.ts'
import { type Answer, HandlerFailure, record } from './recorder.ts'
import { type CachedResponse, isResponse, responseCodec } from './response.ts'
import { storable } from './storable.ts'
import { readAfter } from './write-token.ts'

/** What the routes of an instance have in common. */
export interface Around {
  readonly cache: Cache
  /** Whose answer it is, where one service serves several that must not see each other's. */
  readonly tenant?: ((request: FastifyRequest) => string) | undefined
}

/** One request for an answer: its id, and whose handler runs when there is none. */
interface Ask {
  readonly id: string
  readonly server: FastifyInstance
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** The handler's answer must not be shared: whoever waited for it asks by himself. */
class Unshared extends Error {
  readonly answer: Answer
  readonly ask: Ask

  constructor(answer: Answer, ask: Ask) {
    super('an answer for one client')
    this.answer = answer
    this.ask = ask
  }
}

/** What 304 says besides the ETag (RFC 9110, 15.4.5). */
const IN_304 = ['etag', 'vary', 'content-location', 'expires']
const MISSED = 'lockstep-l2; fwd=miss, lockstep-l1; fwd=miss'
const BYPASSED = 'lockstep-l1; fwd=bypass; detail=authorization'

/**
 * A route whose answers are cached. Its handler is the loader of a named cache: the fill lease, and with it the stamp, is
 * taken before the handler reads anything, so an answer made of data from before an invalidation is never kept; and one
 * handler runs in the whole fleet for all who ask the same at once. Hooks and validation run for every request.
 */
export class CachedRoute {
  readonly name: string
  readonly handler: RouteHandlerMethod
  readonly #options: RouteCacheOptions
  readonly #vary: readonly string[]
  readonly #sharesAuthorized: boolean
  readonly #around: Around
  readonly #directly: () => Directly
  readonly #answers: NamedCache<Ask, CachedResponse>

  /** @throws {RouteCacheError} when the options are wrong, or another route has the name */
  constructor(
    url: string,
    handler: RouteHandlerMethod,
    options: RouteCacheOptions,
    around: Around,
    directly: () => Directly,
  ) {
    checkOptions(url, options)
    this.name = options.name ?? nameOf(url)
    this.handler = handler
    this.#options = options
    this.#vary = (options.vary ?? []).map((name) => name.toLowerCase())
    this.#sharesAuthorized = options.sharesAuthorized === true || this.#vary.includes('authorization')
    this.#around = around
    this.#directly = directly
    this.#answers = this.#define(url)
  }

  /**
   * What takes the handler's place. It answers by itself, also later, so it returns nothing.
   *
   * @param whole whether the body goes with the head: not for HEAD
   */
  readonly handle = (
    server: FastifyInstance,
    request: FastifyRequest,
    reply: FastifyReply,
    whole: boolean,
  ): unknown => {
    const { headers } = request
    if (headers.authorization !== undefined && !this.#sharesAuthorized) {
      reply.header('cache-status', BYPASSED)
      return this.handler.call(server, request, reply)
    }
    const { key, cacheControl } = this.#options
    const ask: Ask = { id: idOf(request, this.#vary, key, this.#around.tenant), server, request, reply }
    const after = readAfter(request)
    const hit = after === undefined ? this.#answers.peekReading(ask) : undefined
    if (hit?.value) {
      const { allowed, others } = this.#directly()
      if (allowed && whole && !server.draining && headers['if-none-match'] === undefined) {
        sendDirectly(reply, hit, hit.value, { others, cacheControl })
      } else this.#send(ask, hit, hit.value)
    } else {
      this.#answers
        .read(ask, after)
        .then((reading) => reading.value && this.#send(ask, reading, reading.value))
        .catch((error: unknown) => this.#failed(ask, error))
        .catch((error: unknown) => reply.send(error))
    }
    return undefined
  }

  #define(url: string): NamedCache<Ask, CachedResponse> {
    const { version = 1, ttl, staleWhileRevalidate = 0, hardTimeout = '10s' } = this.#options
    const { tags = [], maxEntries, maxBytes } = this.#options
    try {
      return this.#around.cache.define<Ask, CachedResponse>({
        name: this.name,
        version,
        key: ({ id }) => id,
        load: (ask) => this.#load(ask),
        tags: (_response, { request }) => (typeof tags === 'function' ? tags(request) : tags),
        accepts: isResponse,
        codec: responseCodec,
        ttl,
        staleWhileRevalidate,
        hardTimeout,
        ...(maxEntries === undefined ? {} : { maxEntries }),
        ...(maxBytes === undefined ? {} : { maxValueBytes: maxBytes }),
      })
    } catch (error) {
      if (!(error instanceof DefinitionError || error instanceof DurationError)) throw error
      throw new RouteCacheError(url, error.message, { cause: error })
    }
  }

  async #load(ask: Ask): Promise<CachedResponse> {
    const answer = await record(this.handler, ask.server, ask.request, ask.reply)
    const response = storable(answer, this.#vary)
    if (response === undefined) throw new Unshared(answer, ask)
    return response
  }

  #send({ request, reply }: Ask, reading: Reading<CachedResponse>, response: CachedResponse): void {
    const { cacheControl } = this.#options
    reply.header('cache-status', cacheStatus(reading))
    if (reading.from !== 'source') reply.header('age', Math.floor(reading.age / 1000))
    if (cacheControl !== undefined) reply.header('cache-control', cacheControl)
    if (hasAlready(request.headers['if-none-match'], response.etag)) {
      for (const name of IN_304) {
        const value = response.headers[name]
        if (value !== undefined) reply.header(name, value)
      }
      reply.code(304).send()
    } else {
      for (const name in response.headers) reply.header(name, response.headers[name])
      reply.send(response.body)
    }
  }

  async #failed(ask: Ask, error: unknown): Promise<void> {
    const { reply } = ask
    if (error instanceof Unshared) {
      const own =
        error.ask === ask ? error.answer : await record(this.handler, ask.server, ask.request, reply)
      giveOn(reply, own)
    } else if (error instanceof HandlerFailure) {
      if (error.status !== 200) reply.code(error.status)
      throw error.error
    } else throw error
  }
}

/** Says by the genuine reply what the handler said. */
function giveOn(reply: FastifyReply, { status, headers, payload, serializer }: Answer): void {
  reply.header('cache-status', MISSED).code(status)
  for (const [name, value] of headers) {
    if (value === undefined) reply.removeHeader(name)
    else reply.header(name, value)
  }
  if (serializer) reply.serializer(serializer)
  reply.send(payload)
}
