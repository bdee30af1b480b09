import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import { freePort } from '@lockstep/servers'
import { until } from '@lockstep/testing'
import { test } from 'tap'
import { readConfig } from '../src/config.ts'
import { echo, gateway, raw, upstream } from './rig.ts'

await test('a request goes through as it came, and says where it came from', async (t) => {
  const { url } = await upstream(t, echo)
  const address = await gateway(t, [url])
  const response = await fetch(`${address}/books/a%20b?q=%C3%A9&x=1&x=2`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': '6.6.6.6' },
    body: '{ "spaces" : 1 }',
  })
  t.equal(response.headers.get('x-served-by'), 'replica')
  t.match(await response.json(), {
    method: 'POST',
    url: '/books/a%20b?q=%C3%A9&x=1&x=2',
    headers: {
      'content-type': 'application/json',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    },
    body: '{ "spaces" : 1 }',
  })
  const empty = await fetch(`${address}/books/1`, { method: 'DELETE' })
  t.match(await empty.json(), { method: 'DELETE', body: '' })
  const form = await fetch(`${address}/x`, { method: 'PUT', body: new URLSearchParams({ a: '1' }) })
  t.match(await form.json(), { method: 'PUT', body: 'a=1', headers: { 'content-type': /urlencoded/ } })
})

await test('a replica that refuses connections is passed over, for any method', async (t) => {
  const { url } = await upstream(t, echo)
  const address = await gateway(t, [`http://127.0.0.1:${await freePort()}`, url], {
    GATEWAY_PROBE_INTERVAL: '10m',
  })
  for (const method of ['GET', 'POST', 'GET', 'POST']) {
    t.equal((await fetch(`${address}/books`, { method })).status, 200, method)
  }
})

await test('a replica that dies with a request: a read is asked elsewhere, a write is not asked twice', async (t) => {
  const seen = { dying: 0, living: 0 }
  const dying = await upstream(t, (request) => {
    seen.dying++
    request.socket.destroy()
  })
  const living = await upstream(t, (_request, response) => {
    seen.living++
    response.end('{}')
  })
  const address = await gateway(t, [dying.url, living.url], { GATEWAY_PROBE_INTERVAL: '10m' })
  t.equal((await fetch(`${address}/books`)).status, 200)
  t.match(seen, { dying: 1, living: 1 })

  const onlyDying = await gateway(t, [dying.url])
  const write = await fetch(`${onlyDying}/books`, { method: 'POST', body: 'x' })
  t.equal(write.status, 502)
  t.match(await write.json(), { code: 'REPLICA_FAILED', status: 502 })
  t.equal(seen.dying, 2)
})

await test('no replica at all is 503 with Retry-After; a slow one is 504', async (t) => {
  const nobody = await gateway(t, [`http://127.0.0.1:${await freePort()}`])
  const none = await fetch(`${nobody}/books`)
  t.equal(none.status, 503)
  t.equal(none.headers.get('retry-after'), '1')
  t.match(await none.json(), { code: 'NO_REPLICA' })

  const hung = await upstream(t, () => {})
  const slow = await fetch(`${await gateway(t, [hung.url], { GATEWAY_TIMEOUT: '1500ms' })}/books`)
  t.equal(slow.status, 504)
  t.match(await slow.json(), { code: 'REPLICA_TIMEOUT' })
})

await test('a 503 of a replica is its answer: it is not asked again', async (t) => {
  let asked = 0
  const { url } = await upstream(t, (_request, response) => {
    asked++
    response.writeHead(503, { 'retry-after': '2' }).end('{}')
  })
  const response = await fetch(`${await gateway(t, [url])}/books`)
  t.equal(response.status, 503)
  t.equal(response.headers.get('retry-after'), '2')
  t.equal(asked, 1)
})

await test('a replica that says it is not ready gets nothing until it is', async (t) => {
  let ready = true
  const served = { first: 0, second: 0 }
  const port = await freePort()
  const first = createServer((request, response) => {
    if (request.url === '/readyz') response.writeHead(ready ? 200 : 503)
    else served.first++
    response.end('{}')
  })
  await new Promise<void>((resolve) => first.listen(port, '127.0.0.1', resolve))
  t.teardown(() => first.close())
  const second = await upstream(t, (_request, response) => {
    served.second++
    response.end('{}')
  })
  const address = await gateway(t, [`http://127.0.0.1:${port}`, second.url])
  const turns = async () => {
    Object.assign(served, { first: 0, second: 0 })
    for (let n = 0; n < 4; n++) await (await fetch(`${address}/x`)).body?.cancel()
    return served.first
  }
  ready = false
  t.ok(await until('it is passed over', async () => (await turns()) === 0))
  t.equal(served.second, 4)
  ready = true
  t.ok(await until('it is used again', async () => (await turns()) === 2))
})

await test('addresses of no service are 404, and its own questions are answered by the gateway', async (t) => {
  const { url } = await upstream(t, echo)
  const address = await gateway(t, [url], {}, ['/books', '/authors'])
  t.equal((await fetch(`${address}/books`)).status, 200)
  t.equal((await fetch(`${address}/books/1/source`)).status, 200)
  const nowhere = await fetch(`${address}/bookshelf`)
  t.equal(nowhere.status, 404)
  t.match(await nowhere.json(), { code: 'ROUTE_NOT_FOUND' })
  t.match(await (await fetch(`${address}/health`)).json(), {
    service: 'gateway',
    checks: [{ name: 'catalog' }],
  })
})

await test('wrong settings are named', async (t) => {
  const wrong = (GATEWAY_SERVICES: string) => () => readConfig({ GATEWAY_SERVICES })
  t.throws(wrong('{'), { message: /GATEWAY_SERVICES is not JSON/ })
  t.throws(wrong('[]'), { message: /GATEWAY_SERVICES must not have fewer than 1 items/ })
  t.throws(wrong('[{"name":"x","prefixes":["books"],"upstreams":["http://a"]}]'), {
    message: /GATEWAY_SERVICES\/0\/prefixes\/0/,
  })
})

await test('headers about the connection stay there, and no request can make a replica look broken', async (t) => {
  const { url } = await upstream(t, (request, response) => {
    response.setHeader('connection', 'keep-alive, x-internal')
    response.setHeader('x-internal', 'secret')
    echo(request, response)
  })
  const address = await gateway(t, [url], { GATEWAY_PROBE_INTERVAL: '10m' })
  const hostile = [
    'Keep-Alive: timeout=5',
    'Upgrade: h2c',
    'Expect: 100-continue',
    'TE: trailers',
    'Proxy-Connection: x',
  ]
  for (const header of hostile) {
    const answer = await raw(
      address,
      `POST /x HTTP/1.1\r\nHost: a\r\n${header}\r\nConnection: close, x-mine\r\nX-Mine: 1\r\nContent-Length: 2\r\n\r\nhi`,
    )
    t.match(answer, /HTTP\/1\.1 200 OK/, header)
    t.match(answer, /"body":"hi"/)
    t.notMatch(answer, /x-mine|x-internal|secret/i)
  }
  t.equal((await fetch(`${address}/health`)).status, 200)
})

await test('targets go through as they are, and stay within their prefix', async (t) => {
  const { url } = await upstream(t, echo)
  const address = await gateway(t, [url], {}, ['/books'])
  const target = async (path: string) => {
    const answer = await raw(address, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    return { status: Number(answer.slice(9, 12)), url: /"url":"([^"]*)"/.exec(answer)?.[1] }
  }
  t.match(await target('/books?q=100%'), { status: 200, url: '/books?q=100%' })
  t.match(await target('/books?q=a/../b'), { status: 200, url: '/books?q=a/../b' })
  t.match(await target('http://x/books/1?a=b'), { status: 200, url: '/books/1?a=b' })
  t.match(await target('/books/x%5C..%5C..%5Cdocs'), { status: 200, url: '/books/x%5C..%5C..%5Cdocs' })
  t.match(await target('/books/x\\..\\..\\docs'), { status: 200, url: '/books/x%5C..%5C..%5Cdocs' })
  t.equal((await target('/books/../docs')).status === 200, false)
  t.equal((await target('*')).status, 404)
})

await test('a body that is not there stays not there', async (t) => {
  const { url } = await upstream(t, echo)
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${await gateway(t, [url])}/books/1`, { method: 'DELETE', headers })
  t.match(await response.json(), { body: '' })
})

await test('a replica that is slow is not marked down for it', async (t) => {
  const hung = await upstream(t, (request, response) => {
    if (request.url !== '/slow') response.end('{}')
  })
  const address = await gateway(t, [hung.url], { GATEWAY_TIMEOUT: '1500ms', GATEWAY_PROBE_INTERVAL: '10m' })
  t.equal((await fetch(`${address}/slow`)).status, 504)
  t.equal((await fetch(`${address}/health`)).status, 200)
})

await test('a fault that is not of the connection does not count against the replica', async (t) => {
  const server = createNetServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (chunk: Buffer) => {
      const ready = chunk.toString().startsWith('GET /readyz')
      socket.end(ready ? 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}' : 'this is not HTTP\r\n\r\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const listening = server.address()
  if (listening === null || typeof listening === 'string') throw new Error('no port')
  const address = await gateway(t, [`http://127.0.0.1:${listening.port}`], { GATEWAY_PROBE_INTERVAL: '10m' })
  const answer = await fetch(`${address}/books`)
  t.equal(answer.status, 502)
  t.match(await answer.json(), { code: 'NOT_FORWARDED' })
  t.equal((await fetch(`${address}/health`)).status, 200)
})
