import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import { RouteCacheError } from './errors.ts'

/** What a handler said, before anything of it has reached a client. */
export interface Answer {
  readonly status: number
  /** What the handler set, names in lower case; undefined: removed. */
  readonly headers: ReadonlyMap<string, string | number | readonly string[] | undefined>
  readonly payload: unknown
  readonly serializer: ((payload: unknown) => string) | undefined
  /** By the route's own serializer for this status. */
  serialize(payload: unknown): string | Buffer
}

/** The handler failed: the error is for the client of everyone who waited. */
export class HandlerFailure extends Error {
  readonly error: unknown
  readonly status: number

  constructor(error: unknown, status: number) {
    super('the handler failed', { cause: error })
    this.error = error
    this.status = status
  }
}

/**
 * Runs a handler on a reply of its own, which only records. The genuine reply stays as it is, for it may belong to a
 * client who has his answer already: a load can go on behind a stale one, and one load can answer many.
 *
 * @throws {HandlerFailure} with what the handler threw, or sent as an error
 */
export function record(
  handler: RouteHandlerMethod,
  server: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Answer> {
  const sent = Promise.withResolvers<unknown>()
  const headers = new Map<string, string | number | readonly string[] | undefined>()
  let done = false
  let serializer: ((payload: unknown) => string) | undefined

  const settle = (payload: unknown) => {
    if (done) return
    done = true
    if (payload instanceof Error) sent.reject(payload)
    else sent.resolve(payload)
  }
  const refuse = (what: string) => (): never => {
    throw new RouteCacheError(
      `${request.method} ${request.routeOptions.url}`,
      `its handler cannot use reply.${what}`,
    )
  }
  const set = (name: string, value: string | number | readonly string[] = '') => {
    const key = name.toLowerCase()
    const before = key === 'set-cookie' ? headers.get(key) : undefined
    headers.set(key, before === undefined ? value : [before, value].flat().map(String))
    return recording
  }
  const get = (name: string) => {
    const key = name.toLowerCase()
    return headers.has(key) ? headers.get(key) : reply.getHeader(key)
  }
  const recording: FastifyReply = Object.create(reply, {
    ...Object.getOwnPropertyDescriptors({
      raw: Object.create(reply.raw, { statusCode: { value: 200, writable: true } }),
      header: set,
      type: (contentType: string) => set('content-type', contentType),
      getHeader: get,
      hasHeader: (name: string) => get(name) !== undefined,
      getHeaders: () => ({ ...reply.getHeaders(), ...Object.fromEntries(headers) }),
      removeHeader(name: string) {
        headers.set(name.toLowerCase(), undefined)
        return recording
      },
      serializer(serialize: (payload: unknown) => string) {
        serializer = serialize
        return recording
      },
      send(payload?: unknown) {
        settle(payload)
        return recording
      },
      hijack: refuse('hijack'),
      trailer: refuse('trailer'),
    }),
    sent: { get: () => done },
  })

  const run = async () => {
    const returned: unknown = handler.call(server, request, recording)
    if (isThenable(returned)) {
      const payload = await returned
      if (payload !== undefined || !done) settle(payload)
    } else if (returned !== undefined) settle(returned)
  }
  run().catch((error: unknown) => {
    if (done) return
    done = true
    sent.reject(error)
  })
  return sent.promise.then(
    (payload) => ({
      status: recording.statusCode,
      headers,
      payload,
      serializer,
      serialize: (value) => bytesOf(serializer ? serializer(value) : recording.serialize(value)),
    }),
    (error: unknown) => {
      throw new HandlerFailure(error, recording.statusCode)
    },
  )
}

const bytesOf = (serialized: string | ArrayBuffer | Buffer): string | Buffer =>
  serialized instanceof ArrayBuffer ? Buffer.from(serialized) : serialized

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
