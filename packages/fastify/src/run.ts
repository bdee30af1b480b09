import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import type { ServiceSettings } from './settings.ts'

/**
 * Listens, and drains on SIGTERM or SIGINT: says at /readyz that it stops, goes on serving for DRAIN_DELAY so that load
 * balancers notice, then takes no new connections, finishes what is under way, and closes what it owns. No request is
 * lost, provided the load balancer asks /readyz more often than DRAIN_DELAY.
 */
export async function runService(app: FastifyInstance, settings: ServiceSettings): Promise<void> {
  await app.listen({ host: settings.HOST, port: settings.PORT })
  closeWithGrace(
    { delay: settings.DRAIN_DELAY + settings.CLOSE_TIMEOUT, logger: app.log },
    async ({ err }) => {
      if (err) app.log.fatal({ err }, 'the process cannot go on')
      app.draining = true
      if (!err) await new Promise((resolve) => setTimeout(resolve, settings.DRAIN_DELAY))
      await app.close()
    },
  )
}

/** Ends the process with one clear line, for settings that cannot be used. */
export function failToStart(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
