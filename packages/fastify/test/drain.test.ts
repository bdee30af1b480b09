import { fileURLToPath } from 'node:url'
import { startService, until } from '@lockstep/testing'
import { test } from 'tap'

const entry = fileURLToPath(new URL('fixtures/slow-service.ts', import.meta.url))

await test('SIGTERM: says that it is not ready, serves on, finishes what is under way, and ends with 0', async (t) => {
  const service = await startService(t, entry, { DRAIN_DELAY: '300ms' })
  const slow = fetch(`${service.url}/slow`)
  await until('the request is under way', () => service.output().includes('slow request began'))
  const stopped = service.stop()
  await until('it is not ready', async () => (await fetch(`${service.url}/readyz`)).status === 503)
  const during = await fetch(`${service.url}/slow`)
  t.equal(during.status, 200, 'a request during the drain is answered')
  t.equal(during.headers.get('connection'), 'close')
  t.equal((await slow).status, 200, 'so is the one that was under way')
  await stopped
  t.match(await service.exited, { code: 0 })
  t.match(service.output(), /closed what it owns/)
})

await test('settings that cannot be used end the start with one clear message', async (t) => {
  const { spawnSync } = await import('node:child_process')
  const { status, stderr } = spawnSync(process.execPath, [entry], {
    env: { ...process.env, PORT: 'http' },
    encoding: 'utf8',
  })
  t.equal(status, 1)
  t.match(stderr, /PORT must be integer \(got "http"\)/)
  t.notMatch(stderr, /\n\s+at /, 'no stack')
})
