import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { Replicas } from '../exchange.ts'
import { collectDocs, type Documented } from './collect.ts'
import type { JsonObject } from './json.ts'

/** `/docs` and `/docs/json`: one OpenAPI document of all services, with addresses that can be tried. */
export async function useDocs(
  app: FastifyInstance,
  services: readonly Documented[],
  replicas: Replicas,
): Promise<void> {
  const collected = collectDocs(services, replicas)
  let document: JsonObject = {}
  // The gateway has no document of its own: the plugin is there because the page wants it.
  await app.register(swagger, {
    mode: 'static',
    specification: { document: { openapi: '3.1.0', info: { title: 'Lockstep', version: '1' }, paths: {} } },
  })
  await app.register(async (docs) => {
    docs.addHook('preHandler', async () => {
      document = await collected()
    })
    await docs.register(swaggerUi, {
      routePrefix: '/docs',
      theme: { title: 'Lockstep' },
      transformSpecification: () => document,
      transformSpecificationClone: false,
    })
  })
}
