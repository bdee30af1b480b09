import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { startService, until } from '@lockstep/testing'
import { test } from 'tap'

const entry = fileURLToPath(new URL('fixtures/slow-service.ts', import.meta.url))

await test('SIGTERM: says that it is not ready, serves on, finishes what is under way, and ends with 0', async (t) => {
  const service = await startService(t, entry, { DRAIN_DELAY: '3s', CLOSE_TIMEOUT: '60s' })
  const spare = connect(Number(new URL(service.url).port), '127.0.0.1')
  await once(spare, 'connect')
  const slow = fetch(`${service.url}/slow`)
  await until('the request is under way', () => service.output().includes('slow request began'))
  const stopped = service.stop()
  await until('it is not ready', async () => (await fetch(`${service.url}/readyz`)).status === 503)
  const duringDrain = fetch(`${service.url}/slow`)
  const connection = await openRequest(service.url)
  await until('new connections are refused', () => refused(service.url))
  t.match(
    await connection.finish(),
    /^HTTP\/1\.1 200 OK/,
    'a request that arrives while it closes is answered',
  )
  const during = await duringDrain
  t.equal(during.status, 200, 'so is one that came during the drain')
  t.equal(during.headers.get('connection'), 'close')
  t.equal((await slow).status, 200, 'so is the one that was under way')
  await stopped
  t.match(await service.exited, { code: 0 }, 'and no connection without a request kept it')
  spare.destroy()
  t.match(service.output(), /closed what it owns/)
})

/** A request of which only a part has been sent. */
async function openRequest(url: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write('GET /go-on HTTP/1.1\r\nHost: x\r\n')
  return {
    async finish(): Promise<string> {
      socket.write('\r\n')
      const [chunk]: Buffer[] = await once(socket, 'data')
      socket.destroy()
      return String(chunk)
    },
  }
}

function refused(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('error', () => resolve(true))
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
  })
}

await test('settings that cannot be used end the start with one clear message', async (t) => {
  const { status, stderr } = spawnSync(process.execPath, [entry], {
    env: { ...process.env, PORT: 'http' },
    encoding: 'utf8',
  })
  t.equal(status, 1)
  t.match(stderr, /PORT must be integer \(got "http"\)/)
  t.notMatch(stderr, /\n\s+at /, 'no stack')
})
