import { createService, healthPlugin, serviceId } from '@lockstep/fastify'
import type { FastifyInstance } from 'fastify'
import type { GatewaySettings } from './config.ts'
import { useDocs } from './docs/use-docs.ts'
import { openReplicas } from './exchange.ts'
import { forward, useRawBodies } from './forward.ts'
import { refuse } from './guard.ts'
import { pathOf } from './paths.ts'
import { probe } from './probe.ts'
import { routesTo } from './routes.ts'
import { Upstreams } from './upstreams.ts'

/** The front door of the local fleet. Compose and Kubernetes have better ones: HAProxy, an Ingress. It does not listen. */
export async function createApp(settings: GatewaySettings): Promise<FastifyInstance> {
  const app = createService({ name: 'gateway', settings, rewriteUrl: pathOf })
  const id = serviceId('gateway', settings)
  const services = settings.services.map(({ name, prefixes, upstreams }) => ({
    name,
    prefixes,
    upstreams: new Upstreams(upstreams),
  }))
  const replicas = openReplicas(settings.GATEWAY_TIMEOUT)
  refuse(app, id, {
    headers: settings.GATEWAY_HEADERS_TIMEOUT,
    request: settings.GATEWAY_REQUEST_TIMEOUT,
    idle: 2 * Math.max(settings.GATEWAY_TIMEOUT, settings.GATEWAY_REQUEST_TIMEOUT),
  })
  useRawBodies(app)
  app.register(healthPlugin, {
    service: id,
    checks: services.map(({ name, upstreams }) => ({
      name,
      description: `Replicas of ${name} that are ready`,
      whenDown: 'unhealthy' as const,
      check: async () => {
        if (upstreams.ready.length === 0) throw new Error('none')
      },
    })),
  })
  await useDocs(app, services, replicas)
  for (const service of services) {
    for (const { url, strip } of routesTo(service)) {
      const destination = { service: service.name, upstreams: service.upstreams, strip }
      app.all(url, (request, reply) => forward(destination, replicas, request, reply))
    }
  }
  const stops: (() => void)[] = []
  app.addHook('onReady', async () => {
    for (const { upstreams } of services)
      stops.push(probe(upstreams, replicas, settings.GATEWAY_PROBE_INTERVAL))
  })
  app.addHook('onClose', async () => {
    for (const stop of stops) stop()
    replicas.close()
  })
  return app
}
