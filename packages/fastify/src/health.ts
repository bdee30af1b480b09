import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import Type, { type Static } from 'typebox'

/** What a check found. `degraded`: the service works, with less. */
export type CheckStatus = 'healthy' | 'degraded' | 'unhealthy'

/** One thing that a service depends on. */
export interface HealthCheck {
  readonly name: string
  readonly description: string
  /** What it means for the service when the check fails. */
  readonly whenDown: 'degraded' | 'unhealthy'
  /** @throws when the thing does not answer */
  readonly check: () => Promise<void>
}

const CHECK_TIMEOUT_MS = 1000

const Status = Type.Union([Type.Literal('healthy'), Type.Literal('degraded'), Type.Literal('unhealthy')])
const Health = Type.Object({
  status: Status,
  service: Type.String(),
  checks: Type.Array(
    Type.Object({
      name: Type.String(),
      status: Status,
      description: Type.String(),
      durationMs: Type.Number(),
    }),
  ),
})
const Simple = Type.Object({ status: Type.String() })

const simple = (summary: string) => ({
  schema: { tags: ['health'], summary, response: { 200: Simple, 503: Simple } },
})

declare module 'fastify' {
  interface FastifyInstance {
    /** Set when the service stops: /readyz says so, and answers close their connections. */
    draining: boolean
  }
}

/** When an answer is sent, not when its request came: one that was under way would keep its connection open. */
export async function closeWhileDraining({ server }: FastifyRequest, reply: FastifyReply) {
  if (server.draining) reply.header('connection', 'close')
}

/**
 * Four questions, kept apart (requirement C5): /startupz, has it started; /livez, does the process work; /readyz, should
 * it get requests; /health, how are the things it depends on. A dependency that is away makes a replica neither dead nor
 * unready: it serves what it can, and taking every replica out at once would serve nothing.
 */
export const healthPlugin = fp<{ service: string; checks: readonly HealthCheck[] }>(
  async (app, { service, checks }) => {
    let started = false
    app.decorate('draining', false)
    app.addHook('onListen', async () => {
      started = true
    })
    app.addHook('onSend', closeWhileDraining)

    app.get('/livez', simple('Whether the process works'), async () => ({ status: 'alive' }))
    app.get('/startupz', simple('Whether it has started'), async (_request, reply) =>
      started ? { status: 'started' } : reply.code(503).send({ status: 'starting' }),
    )
    app.get('/readyz', simple('Whether it should get requests'), async (_request, reply) =>
      app.draining ? reply.code(503).send({ status: 'draining' }) : { status: 'ready' },
    )
    app.get(
      '/health',
      {
        schema: {
          tags: ['health'],
          summary: 'Each thing that the service depends on',
          response: { 200: Health, 503: Health },
        },
      },
      async (_request, reply) => {
        const found = await Promise.all(checks.map(runCheck))
        const status = worst(found.map((check) => check.status))
        return reply.code(status === 'unhealthy' ? 503 : 200).send({ status, service, checks: found })
      },
    )
  },
  { name: 'lockstep-health', fastify: '5.x' },
)

async function runCheck({
  name,
  description,
  whenDown,
  check,
}: HealthCheck): Promise<Static<typeof Health>['checks'][0]> {
  const begun = performance.now()
  const late = Promise.withResolvers<CheckStatus>()
  const timer = setTimeout(late.resolve, CHECK_TIMEOUT_MS, whenDown)
  const asked = async () => check()
  const found = asked().then(
    (): CheckStatus => 'healthy',
    (): CheckStatus => whenDown,
  )
  const status = await Promise.race([found, late.promise])
  clearTimeout(timer)
  return { name, status, description, durationMs: Math.round((performance.now() - begun) * 100) / 100 }
}

function worst(statuses: readonly CheckStatus[]): CheckStatus {
  if (statuses.includes('unhealthy')) return 'unhealthy'
  return statuses.includes('degraded') ? 'degraded' : 'healthy'
}
