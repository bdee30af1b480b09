import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { hostname } from 'node:os'
import { type FastifyInstance, fastify, LogController } from 'fastify'
import { type ErrorsOptions, errorsPlugin, frameworkErrors } from './errors.ts'
import { ProblemError } from './problem.ts'
import type { ServiceSettings } from './settings.ts'
import { type Formats, useValidation } from './validation.ts'

export interface ServiceOptions extends ErrorsOptions {
  /** What the service is, such as `catalog`. */
  readonly name: string
  readonly settings: ServiceSettings
  readonly formats?: Formats
  /** Rewrites the target of a request before it is routed. */
  readonly rewriteUrl?: (target: string) => string
}

/** The id of this replica: what it is told, or else its name and machine. */
export const serviceId = (name: string, settings: ServiceSettings): string =>
  settings.SERVICE_ID ?? `${name}-${hostname()}-${process.pid}`

const encodingNotAccepted = () =>
  new ProblemError({
    status: 415,
    code: 'ENCODING_NOT_ACCEPTED',
    title: 'Unsupported Media Type',
    detail: 'Send the body as it is, without Content-Encoding',
  })

const asItIs = (target: string) => target

/** A Fastify instance with what every service of the fleet has: problem+json, X-Served-By, safe limits and logs. */
export function createService({
  name,
  settings,
  formats = {},
  translate,
  rewriteUrl = asItIs,
}: ServiceOptions) {
  const id = serviceId(name, settings)
  const app = fastify({
    logger: {
      level: settings.LOG_LEVEL,
      base: { service: id },
      redact: ['req.headers.authorization', 'req.headers.cookie'],
    },
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: 64 * 1024,
    requestTimeout: 30_000,
    // Requests that arrive on open connections while the service closes are answered, not refused.
    return503OnClosing: false,
    frameworkErrors: frameworkErrors(id),
    trustProxy: settings.TRUSTED_PROXIES?.split(',') ?? false,
    rewriteUrl: (request) => rewriteUrl(request.url ?? '/'),
    routerOptions: { maxParamLength: 2000 },
  })
  useValidation(app, formats)
  app.addHook('onRequest', async (request, reply) => {
    // What the fleet evicts must not live on in a cache that nobody can tell.
    reply.header('x-served-by', id).header('cache-control', 'no-cache')
    // Nobody here unpacks a body: it would be read for what it is not (RFC 9110, 15.5.16).
    if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
      reply.header('accept-encoding', 'identity')
      throw encodingNotAccepted()
    }
  })
  // JSON alone is taken: the other parser that Fastify brings would hand on any text.
  app.removeContentTypeParser('text/plain')
  app.register(errorsPlugin, translate ? { translate } : {})
  closeUnused(app)
  return app
}

/** A connection on which nothing was ever asked is not idle to Node, and would keep a closing server waiting. */
function closeUnused(app: FastifyInstance): void {
  const open = new Set<Socket>()
  app.server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  app.addHook('preClose', async () => {
    // What has arrived is read first.
    await new Promise(setImmediate)
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy()
  })
}
