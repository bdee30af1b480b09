import { fileURLToPath } from 'node:url'
import { codesIn, exampleInReadme, settingsOf, startService, tableInReadme } from '@lockstep/testing'
import { test } from 'tap'
import { ServiceSettings } from '../src/index.ts'

const readme = new URL('../README.md', import.meta.url)
const example = new URL('../example.ts', import.meta.url)

await test('the example of the README runs and does what it shows', async (t) => {
  const service = await startService(t, fileURLToPath(example), {
    SERVICE_ID: 'titles-1',
    DRAIN_DELAY: '10ms',
  })
  const get = async (path: string) => {
    const response = await fetch(service.url + path)
    const { status, headers } = response
    return {
      status,
      by: headers.get('x-served-by'),
      cache: headers.get('cache-status'),
      body: await response.json(),
    }
  }
  t.match(await get('/titles/42'), {
    status: 200,
    by: 'titles-1',
    cache: 'lockstep-l2; fwd=miss, lockstep-l1; fwd=miss; stored',
    body: { title: 'Ficciones' },
  })
  t.match(await get('/titles/42'), { cache: /^lockstep-l1; hit; ttl=\d+$/ })
  t.match(await get('/titles'), { cache: /fwd=miss; stored$/, body: { titles: ['Ficciones', null] } })
  t.match(await get('/titles'), { cache: /^lockstep-l1; hit/ })
  t.match(await get('/titles/7'), { status: 404, cache: null, body: { code: 'TITLE_NOT_FOUND' } })
  t.match(await get('/health'), { body: { status: 'healthy', checks: [{ name: 'disk' }] } })
  await service.stop()
  t.match(await service.exited, { code: 0 })
  t.ok(exampleInReadme(readme, example, '@lockstep/fastify'), 'the README shows this very code')
})

await test('the README names every setting with its default, and every error code, and no other', async (t) => {
  const settings = tableInReadme(readme, 'Settings').map(([name, value]) => [name, value])
  t.same(settings, settingsOf(ServiceSettings))
  const codes = tableInReadme(readme, 'Errors').map(([code = '']) => code)
  t.same(codes.toSorted(), codesIn(new URL('../src/', import.meta.url)))
})
