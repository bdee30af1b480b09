import replyFrom, { type FastifyReplyFromOptions } from '@fastify/reply-from'
import { ProblemError } from '@lockstep/fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { splitOnce, withoutHopByHop } from './http.ts'
import type { Upstreams } from './upstreams.ts'

/** Asking again for these changes nothing, so another replica may be tried whatever became of the first attempt. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
/** The request never left: any method may be tried elsewhere. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH', 'ENETUNREACH'])
/** The replica, or the way to it, is broken. Anything else may be the fault of the request, which must not count against it. */
const BROKEN = new Set([...NEVER_SENT, 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET'])

/** Prepares an instance to forward: bodies go through as they came, whatever their type. */
export async function useForwarding(app: FastifyInstance, timeout: number): Promise<void> {
  const options: FastifyReplyFromOptions = {
    undici: {
      connections: 256,
      headersTimeout: timeout,
      bodyTimeout: timeout,
      connect: { timeout: 1000 },
    },
    disableRequestLogging: true,
    retryMethods: [],
  }
  await app.register(replyFrom, options)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body.length > 0 ? body : undefined),
  )
}

/** Forwards a request to the replica whose turn it is, and to another one when that fails and asking twice does no harm. */
export function forward(upstreams: Upstreams, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const tried = new Set<string>()
  const body = Buffer.isBuffer(request.body) ? request.body : undefined
  const [path, query] = splitOnce(request.url, '?')
  const contentType = request.headers['content-type'] ?? 'application/octet-stream'

  const attempt = (): FastifyReply => {
    const address = upstreams.next(tried)
    if (address === undefined) return reply.send(noReplica())
    tried.add(address)
    return reply.from(address + path, {
      queryString: () => query,
      ...(body ? { body, contentType } : {}),
      retryDelay: () => null,
      rewriteHeaders: withoutHopByHop,
      rewriteRequestHeaders: (_request, headers) => ({
        ...withoutHopByHop(headers),
        'x-forwarded-for': request.ip,
        'x-forwarded-host': request.headers.host ?? '',
        'x-forwarded-proto': request.protocol,
      }),
      onError: (_reply, { error }) => failed(address, causeCode(error)),
    })
  }
  const failed = (address: string, code: string): void => {
    if (!BROKEN.has(code)) {
      reply.send(code === 'UND_ERR_HEADERS_TIMEOUT' ? tooSlow() : notForwarded())
      return
    }
    upstreams.mark(address, false)
    request.log.warn({ address, code }, 'replica failed')
    if (SAFE_METHODS.has(request.method) || NEVER_SENT.has(code)) attempt()
    else reply.send(cutOff())
  }
  return attempt()
}

/** The code of the fault that reply-from wrapped in an error of its own. */
function causeCode(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message
}

const noReplica = () =>
  new ProblemError({
    status: 503,
    code: 'NO_REPLICA',
    title: 'Service Unavailable',
    detail: 'No replica answers',
    retryAfter: 1,
  })

const notForwarded = () =>
  new ProblemError({
    status: 502,
    code: 'NOT_FORWARDED',
    title: 'Bad Gateway',
    detail: 'The request could not be forwarded as it is',
  })

const cutOff = () =>
  new ProblemError({
    status: 502,
    code: 'REPLICA_FAILED',
    title: 'Bad Gateway',
    detail: 'The replica failed while it had the request; whether it was carried out is not known',
  })

const tooSlow = () =>
  new ProblemError({
    status: 504,
    code: 'REPLICA_TIMEOUT',
    title: 'Gateway Timeout',
    detail: 'The replica did not answer in time',
  })
