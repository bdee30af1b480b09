import type { OutgoingHttpHeader } from 'node:http'
import type { Reading } from '@lockstep/cache'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { cacheStatus } from '../cache-status.ts'
import { closeWhileDraining } from '../health.ts'
import type { CachedResponse, Head } from './response.ts'

/** Our own hook, which does nothing until the service drains; then nothing is written directly any more. */
const IDLE = `${closeWhileDraining.name}()`

/**
 * The kinds of hooks that do something on any route, such as `onSend`. Fastify says so in its list of routes, and nowhere
 * else: `• (onSend) ["sign()","anonymous()"]`.
 */
export function hooksOf(app: FastifyInstance): ReadonlySet<string> {
  const routes = app.printRoutes({ method: 'GET', includeHooks: true })
  const kinds = new Set<string>()
  for (const [, kind = '', names = ''] of routes.matchAll(/• \((\w+)\) \[(.*)\]/g)) {
    if (names !== `"${IDLE}"`) kinds.add(kind)
  }
  return kinds
}

/** The hooks that run before a handler, and may have set a header. */
const EARLY = ['onRequest', 'preParsing', 'preValidation', 'preHandler']

/** How answers from memory may be written. */
export interface Directly {
  /** Past `reply.send`: no route has an `onSend` hook. */
  readonly allowed: boolean
  /** Whether a hook may have set other headers before. */
  readonly others: boolean
}

export function directlyBy(hooks: ReadonlySet<string>): Directly {
  return { allowed: !hooks.has('onSend'), others: EARLY.some((hook) => hooks.has(hook)) }
}

/**
 * Writes an answer from memory past `reply.send`, which would put its head together anew for each request. Without `onSend`
 * hooks nothing else would happen there. What other hooks have set is sent, too.
 *
 * @param cacheControl unless the answer has its own
 */
export function sendDirectly(
  reply: FastifyReply,
  reading: Reading<CachedResponse>,
  response: CachedResponse,
  { others, cacheControl }: { others: boolean; cacheControl: string | undefined },
): void {
  const { raw } = reply
  const head = headOf(reading, response, cacheControl)
  raw.writeHead(raw.statusCode, others ? withOthers(head, reply.getHeaders()) : head.lines)
  raw.end(response.body)
}

function headOf(
  reading: Reading<CachedResponse>,
  response: CachedResponse,
  cacheControl: string | undefined,
): Head {
  const age = Math.floor(reading.age / 1000)
  const ttl = Math.floor(reading.ttl / 1000)
  const { head } = response
  if (head?.age === age && head.ttl === ttl) return head
  const headers = {
    ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
    ...response.headers,
    'content-length': `${Buffer.byteLength(response.body)}`,
    'cache-status': cacheStatus(reading),
    age: `${age}`,
  }
  const lines = Object.entries(headers).flatMap(([name, value]) => [
    name,
    typeof value === 'string' ? value : [...value],
  ])
  response.head = { age, ttl, headers, lines }
  return response.head
}

/** The head of the answer, and of the others what it does not set itself. */
function withOthers(
  { headers, lines }: Head,
  others: Readonly<Record<string, OutgoingHttpHeader | undefined>>,
): OutgoingHttpHeader[] {
  let all = lines
  for (const name in others) {
    const value = others[name]
    if (value === undefined || Object.hasOwn(headers, name)) continue
    if (all === lines) all = [...lines]
    all.push(name, value)
  }
  return all
}
