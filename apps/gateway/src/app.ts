import { createService, healthPlugin, serviceId } from '@lockstep/fastify'
import type { FastifyInstance } from 'fastify'
import type { GatewaySettings } from './config.ts'
import { forward, useForwarding } from './forward.ts'
import { pathOf } from './http.ts'
import { probe } from './probe.ts'
import { Upstreams } from './upstreams.ts'

/** The front door of the local fleet. Compose and Kubernetes have better ones: HAProxy, an Ingress. It does not listen. */
export async function createApp(settings: GatewaySettings): Promise<FastifyInstance> {
  const app = createService({ name: 'gateway', settings, rewriteUrl: pathOf })
  const services = settings.services.map(({ name, prefixes, upstreams }) => ({
    name,
    prefixes,
    upstreams: new Upstreams(upstreams),
  }))
  app.register(healthPlugin, {
    service: serviceId('gateway', settings),
    checks: services.map(({ name, upstreams }) => ({
      name,
      description: `Replicas of ${name} that are ready`,
      whenDown: 'unhealthy' as const,
      check: async () => {
        if (upstreams.ready.length === 0) throw new Error('none')
      },
    })),
  })
  await useForwarding(app, settings.GATEWAY_TIMEOUT)
  for (const { prefixes, upstreams } of services) {
    for (const url of prefixes.flatMap(routesOf)) {
      app.all(url, (request, reply) => forward(upstreams, request, reply))
    }
  }
  const stops: (() => void)[] = []
  app.addHook('onReady', async () => {
    for (const { upstreams } of services) stops.push(probe(upstreams, settings.GATEWAY_PROBE_INTERVAL))
  })
  app.addHook('onClose', async () => {
    for (const stop of stops) stop()
  })
  return app
}

/** `/books` stands for itself and for everything below it. */
const routesOf = (prefix: string) => (prefix === '/' ? ['/*'] : [prefix, `${prefix}/*`])
