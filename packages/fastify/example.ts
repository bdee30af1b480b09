import { createCache, memoryTransport } from '@lockstep/cache'
import { readSettings } from '@lockstep/settings'
import {
  cacheStatus,
  createService,
  failToStart,
  healthPlugin,
  ProblemError,
  runService,
  ServiceSettings,
  serviceId,
  useCache,
} from './src/index.ts'

try {
  const settings = readSettings(ServiceSettings, process.env)
  const app = createService({ name: 'titles', settings })
  const cache = createCache({ transport: memoryTransport(), logger: app.log })
  const titles = cache.define({
    name: 'titles',
    version: 1,
    key: (id: string) => id,
    load: async (id) => (id === '42' ? 'Ficciones' : undefined),
    accepts: (stored) => typeof stored === 'string',
    ttl: '1m',
  })
  useCache(app, { cache })

  app.register(healthPlugin, {
    service: serviceId('titles', settings),
    checks: [
      { name: 'disk', description: 'Where titles are kept', whenDown: 'unhealthy', check: async () => {} },
    ],
  })
  app.get<{ Params: { id: string } }>('/titles/:id', async (request, reply) => {
    const reading = await titles.read(request.params.id)
    if (reading.value === undefined) {
      throw new ProblemError({ status: 404, code: 'TITLE_NOT_FOUND', title: 'Not Found' })
    }
    reply.header('cache-status', cacheStatus(reading))
    return { title: reading.value }
  })
  app.get('/titles', { config: { cache: { ttl: '1m', tags: ['titles'] } } }, async () => ({
    titles: await titles.getMany(['42', '43']),
  }))
  await runService(app, settings)
} catch (error) {
  failToStart(error)
}
