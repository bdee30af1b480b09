import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { promisify } from 'node:util'
import { test } from 'tap'
import { freePort, freePortFrom, portFree } from '../src/index.ts'

await test('a free port is below the range of outgoing connections and can be bound', async (t) => {
  const port = await freePort()
  t.ok(port >= 20_000 && port < 32_000)
  t.ok(await portFree(port))
})

for (const host of ['127.0.0.1', '0.0.0.0', '::1']) {
  await test(`a port that something listens on at ${host} is not free`, async (t) => {
    const server = createServer()
    server.listen(host === '::1' ? { port: 0, host, ipv6Only: true } : { port: 0, host })
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port } = addressOf(server.address())
    t.notOk(await portFree(port))
    t.not(await freePortFrom(port), port, 'the next one is taken instead')
  })
}

await test('a wish that is free is granted', async (t) => {
  const port = await freePort()
  t.equal(await freePortFrom(port), port)
})

await test('no two processes are given the same one, though neither listens yet', async (t) => {
  const some = 150
  const program = `
    import { freePort } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
    for (let n = 0; n < ${some}; n++) console.log(await freePort())`
  const run = promisify(execFile)
  const args = ['--input-type=module', '--eval', program]
  const printed = await Promise.all([1, 2].map(() => run(process.execPath, args)))
  const ports = printed.flatMap(({ stdout }) => stdout.trim().split('\n'))
  t.equal(ports.length, 2 * some)
  t.equal(new Set(ports).size, 2 * some, 'by chance alone, all but one in forty runs would repeat some')
})

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('not listening on a port')
  return address
}
