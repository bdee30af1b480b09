import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Problem, ProblemError } from '@lockstep/fastify'
import type { FastifyInstance } from 'fastify'
import { isAmbiguous, splitOnce } from './paths.ts'
import { ambiguousPath, methodNotAllowed } from './problems.ts'

const ALLOWED = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

export interface Limits {
  /** Milliseconds until the headers of a request must be there. */
  readonly headers: number
  /** Milliseconds until the whole of a request must be there. */
  readonly request: number
  /** Milliseconds after which a connection ends on which nothing moves in either direction. */
  readonly idle: number
}

/**
 * What the gateway refuses before it looks where a request should go: methods that nobody here answers, paths that mean
 * different things to different programs, what is no HTTP, and clients that take their time.
 */
export function refuse(app: FastifyInstance, serviceId: string, limits: Limits): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!ALLOWED.includes(request.method)) {
      reply.header('allow', ALLOWED.join(', '))
      throw methodNotAllowed(request.method)
    }
    if (isAmbiguous(splitOnce(request.url, '?')[0])) throw ambiguousPath()
    // Node reads the first of several; who stands behind it may read the last (RFC 9112, 3.2).
    if (timesIn(request.raw.rawHeaders, 'host') > 1) throw notHttp('It has more than one Host')
  })

  const { server } = app
  const answer = (socket: Duplex, problem: ProblemError, more = '') => {
    if (socket.writable) socket.end(message(problem, `x-served-by: ${serviceId}\r\n${more}`))
    else socket.destroy()
  }
  server.removeAllListeners('clientError')
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET') socket.destroy()
    else answer(socket, problemOf(error))
  })
  server.on('connect', (request, socket) => {
    socket.on('error', () => {})
    answer(socket, methodNotAllowed(request.method ?? ''), `allow: ${ALLOWED.join(', ')}\r\n`)
  })
  server.on('checkExpectation', ({ socket }) => answer(socket, notExpected()))
  server.headersTimeout = limits.headers
  server.requestTimeout = limits.request
  server.timeout = limits.idle
  // Node looks for clients that are late only so often, 30 s unless told otherwise when it begins to listen.
  Object.assign(server, { connectionsCheckingInterval: Math.min(limits.headers, 1000) })
}

/** What Node's parser found wrong. No route has seen this request, and nothing more can be read from its connection. */
function problemOf({ code }: NodeJS.ErrnoException): ProblemError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ProblemError({
      status: 431,
      code: 'HEADERS_TOO_LARGE',
      title: 'Request Header Fields Too Large',
    })
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ProblemError({
      status: 408,
      code: 'REQUEST_TOO_SLOW',
      title: 'Request Timeout',
      detail: 'The request did not arrive in time',
    })
  }
  return notHttp('This is not HTTP/1.1')
}

const notHttp = (detail: string) =>
  new ProblemError({ status: 400, code: 'NOT_HTTP', title: 'Bad Request', detail })

const notExpected = () =>
  new ProblemError({
    status: 417,
    code: 'EXPECTATION_FAILED',
    title: 'Expectation Failed',
    detail: 'Nothing is expected here but 100-continue',
  })

/** @param headers names and values by turns, as they came */
const timesIn = (headers: readonly string[], name: string): number =>
  headers.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length

/** An answer for a connection that is closed with it. */
function message({ status, code, title, message: detail }: ProblemError, headers: string): string {
  const problem: Problem = {
    type: 'about:blank',
    title,
    status,
    code,
    detail,
    instance: `urn:uuid:${randomUUID()}`,
  }
  const body = JSON.stringify(problem)
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/problem+json\r\n${headers}` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  )
}
