import { Writable } from 'node:stream'
import { createLimiter } from '@lockstep/coordination'
import { type Clock, openRedis, RedisSettings, systemClock } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown, until } from '@lockstep/testing'
import { type FastifyInstance, type FastifyServerOptions, fastify } from 'fastify'
import { errorsPlugin, type LimitPluginOptions, useLimits } from '../../src/index.ts'

/** Its timers never run, so that no decision is made without Redis because the machine is busy. */
const patient: Clock = { ...systemClock, after: () => () => {} }

/** A limiter with a link of its own: one replica. */
export async function openLimiter(t: Teardown, url: string, clock = patient) {
  const patience = { REDIS_COMMAND_TIMEOUT: '30s', REDIS_HEARTBEAT: '30s' }
  const env = { REDIS_URL: url, REDIS_RETRY_DELAY_MAX: '50ms', ...patience }
  const link = openRedis(readSettings(RedisSettings, env), 'test', recordingLogger())
  t.teardown(() => link.close())
  await until('Redis answers', () => link.available)
  const logger = recordingLogger()
  return { link, logger, limiter: createLimiter({ redis: link, prefix: 'shop', logger, clock }) }
}

export interface AppOptions {
  readonly limits?: Partial<LimitPluginOptions>
  readonly server?: FastifyServerOptions
  readonly clock?: Clock
  /** Runs before the limits are there. */
  readonly before?: (app: FastifyInstance) => unknown
  readonly routes?: (app: FastifyInstance) => unknown
}

/** Who a test says the request is from. */
export const userOf = ({ headers }: { headers: Record<string, unknown> }): string | undefined =>
  typeof headers['x-user'] === 'string' ? headers['x-user'] : undefined

/** A service with limits, and a link to Redis of its own. Its log is kept, all of it. */
export async function openApp(t: Teardown, url: string, options: AppOptions = {}) {
  const { link, limiter } = await openLimiter(t, url, options.clock)
  const logged: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk))
      done()
    },
  })
  const app = fastify({ logger: { level: 'trace', stream }, ...options.server })
  app.register(errorsPlugin, {})
  await options.before?.(app)
  useLimits(app, { limiter, user: userOf, ...options.limits })
  await options.routes?.(app)
  app.get('/', async () => ({ hello: 'world' }))
  t.teardown(() => app.close())
  await app.ready()
  return { app, link, limiter, logged: () => logged.join(''), ...client(app) }
}

export interface Asked {
  readonly url?: string
  readonly method?: 'GET' | 'POST' | 'HEAD' | 'DELETE'
  readonly headers?: Record<string, string>
  readonly from?: string
  readonly payload?: object
}

export function client(app: FastifyInstance) {
  const ask = async ({
    url = '/',
    method = 'GET',
    headers = {},
    from = '192.0.2.1',
    payload,
  }: Asked = {}) => {
    const answer = await app.inject({
      method,
      url,
      headers,
      remoteAddress: from,
      ...(payload === undefined ? {} : { payload }),
    })
    return { status: answer.statusCode, headers: answer.headers, body: answer.body, answer }
  }
  return {
    ask,
    /** How many of so many requests in a row are not refused. */
    async passed(count: number, asked: Asked = {}): Promise<number> {
      let passed = 0
      for (let n = 0; n < count; n++) if ((await ask(asked)).status !== 429) passed++
      return passed
    },
  }
}
