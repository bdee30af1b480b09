import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Outcome, Replicas } from './exchange.ts'
import { requestHeaders, withoutHopByHop } from './headers.ts'
import { splitOnce, withoutSegments } from './paths.ts'
import { cutOff, noReplica, notForwarded, tooSlow } from './problems.ts'
import type { Upstreams } from './upstreams.ts'

/** Asking again for these changes nothing, so another replica may be tried whatever became of the first attempt. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Where a request goes. */
export interface Destination {
  readonly service: string
  readonly upstreams: Upstreams
  /** How many segments of the path are the gateway's own and are taken away. */
  readonly strip: number
}

/** Bodies go through as they came, whatever their type. */
export function useRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body.length > 0 ? body : undefined),
  )
}

/**
 * Forwards a request to the replica whose turn it is, and to another one when that fails, or is silent, and asking twice
 * does no harm. A client that goes away ends what is asked on its behalf.
 */
export async function forward(
  { service, upstreams, strip }: Destination,
  replicas: Replicas,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { method, headers, ip, protocol } = request
  const body = Buffer.isBuffer(request.body) ? request.body : undefined
  const asked = {
    method,
    path: targetOf(request.url, strip),
    headers: requestHeaders(headers, { ip, protocol, host: headers.host ?? '' }, body),
    body,
  }
  const safe = SAFE_METHODS.has(method)
  const tried = new Set<string>()
  for (;;) {
    const address = upstreams.next(tried)
    if (address === undefined) throw noReplica(service)
    tried.add(address)
    const attempt = new AbortController()
    const leave = () => {
      if (!reply.raw.writableFinished) attempt.abort()
    }
    reply.raw.once('close', leave)
    const answer = replicas.ask(address, { ...asked, signal: attempt.signal })
    const outcome = await (safe ? upstreams.waitFor(address, answer, leave) : answer)
    if (outcome.kind === 'answer') return passOn(outcome.answer, reply)
    reply.raw.off('close', leave)
    if (reply.raw.closed) return reply.hijack()
    if (outcome.kind === 'never sent' || outcome.kind === 'broken') {
      upstreams.mark(address, false)
      request.log.warn({ address, code: outcome.code }, 'replica failed')
    }
    if (!mayAskAgain(safe, outcome)) throw problemOf(outcome)
  }
}

/** Who gave up was turned away from a silent replica, which only happens to safe requests. */
const mayAskAgain = (safe: boolean, { kind }: Outcome): boolean =>
  kind === 'never sent' || (safe && (kind === 'broken' || kind === 'given up'))

function problemOf({ kind }: Outcome) {
  if (kind === 'too slow') return tooSlow()
  return kind === 'broken' ? cutOff() : notForwarded()
}

function targetOf(url: string, strip: number): string {
  const [path, query] = splitOnce(url, '?')
  const own = strip === 0 ? path : withoutSegments(path, strip)
  return query === '' ? own : `${own}?${query}`
}

/** Sends an answer as it arrives. The headers of a stream of events leave at once: its first event may be long in coming. */
function passOn(answer: IncomingMessage, reply: FastifyReply): FastifyReply {
  const status = answer.statusCode ?? 0
  if (status < 200 || status > 599) {
    answer.destroy()
    throw notForwarded()
  }
  if (answer.headers['content-type']?.startsWith('text/event-stream')) {
    reply.raw.once('pipe', () => reply.raw.flushHeaders())
  }
  return reply.code(status).headers(withoutHopByHop(answer.headers)).send(answer)
}
