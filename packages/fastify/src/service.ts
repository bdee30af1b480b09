import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { fastify, LogController } from 'fastify'
import { type ErrorsOptions, errorsPlugin, frameworkErrors } from './errors.ts'
import type { ServiceSettings } from './settings.ts'
import { type Formats, useValidation } from './validation.ts'

export interface ServiceOptions extends ErrorsOptions {
  /** What the service is, such as `catalog`. */
  readonly name: string
  readonly settings: ServiceSettings
  readonly formats?: Formats
}

/** The id of this replica: what it is told, or else its name and machine. */
export const serviceId = (name: string, settings: ServiceSettings): string =>
  settings.SERVICE_ID ?? `${name}-${hostname()}-${process.pid}`

/** A Fastify instance with what every service of the fleet has: problem+json, X-Served-By, safe limits and logs. */
export function createService({ name, settings, formats = {}, translate }: ServiceOptions) {
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
    routerOptions: { maxParamLength: 2000 },
  })
  useValidation(app, formats)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-served-by', id)
  })
  app.register(errorsPlugin, translate ? { translate } : {})
  return app
}
