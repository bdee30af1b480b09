import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Teardown, until } from '@lockstep/testing'
import { test } from 'tap'
import { echo, gateway, gatewayTo, raw, upstream } from './rig.ts'

/** What a replica got, or nothing when the gateway answered by itself; and the status of the answer. */
async function sent(address: string, head: string[], body = '') {
  const answer = await raw(address, `${[...head, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`)
  const [, text = ''] = answer.split('\r\n\r\n')
  return {
    status: Number(answer.slice(9, 12)),
    answer,
    got: answer.includes('x-served-by: replica') ? text : '',
  }
}

const request = (line: string, ...headers: string[]) => [`${line} HTTP/1.1`, 'Host: shop', ...headers]

await test('smuggling: lengths that contradict one another are refused, and never reach a replica', async (t) => {
  let asked = 0
  const { url } = await upstream(t, (incoming, response) => {
    asked++
    echo(incoming, response)
  })
  const address = await gateway(t, [url])
  const smuggled = '0\r\n\r\nGET /admin HTTP/1.1\r\nHost: shop\r\n\r\n'
  const refused = [
    ['Content-Length: 5', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 5'],
    ['Content-Length: 5', 'Content-Length: 6'],
    ['Content-Length: 5', 'Content-Length: 5'],
    ['Content-Length: 5, 5'],
    ['Content-Length: +5'],
    ['Content-Length: 0x5'],
    ['Content-Length: -1'],
    ['Content-Length : 5'],
    ['Transfer-Encoding: xchunked'],
    ['Transfer-Encoding: chunked, identity'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
    ['Transfer-Encoding:\u000bchunked'],
    ['X-A: b\rX-B: c'],
    ['X-A: b\n\nGET /admin HTTP/1.1'],
    ['X-A\u0000: b'],
    [' X-A: folded'],
    ['X A: b'],
  ]
  for (const headers of refused) {
    const { status, answer } = await sent(address, request('POST /books', ...headers), smuggled)
    t.equal(status, 400, JSON.stringify(headers))
    t.match(answer, /content-type: application\/problem\+json[\s\S]*"code":"NOT_HTTP"/i)
    t.equal(answer.match(/HTTP\/1\.1 \d/g)?.length, 1, 'one answer')
  }
  t.equal(asked, 0)
})

await test('a request with two hosts, or with expectations of its own, is refused', async (t) => {
  let asked = 0
  const { url } = await upstream(t, (incoming, response) => {
    asked++
    echo(incoming, response)
  })
  const address = await gateway(t, [url])
  const hosts = await sent(address, request('GET /books', 'host: evil'))
  t.equal(hosts.status, 400)
  t.match(hosts.answer, /application\/problem\+json[\s\S]*NOT_HTTP/)
  const expecting = await sent(address, request('GET /books', 'Expect: 200-maybe'))
  t.equal(expecting.status, 417)
  t.match(expecting.answer, /application\/problem\+json[\s\S]*EXPECTATION_FAILED/)
  t.equal(asked, 0)
})

await test('smuggling: what goes on has the length of what was read', async (t) => {
  const { url } = await upstream(t, echo)
  const address = await gateway(t, [url])
  const chunked = await sent(
    address,
    request('POST /books', 'Transfer-Encoding: chunked', 'Content-Type: text/plain', 'Trailer: X-Late'),
    '3\r\nabc\r\n2\r\nde\r\n0\r\nX-Late: 1\r\n\r\n',
  )
  t.match(JSON.parse(chunked.got), { body: 'abcde', headers: { 'content-length': '5' } })
  t.notMatch(chunked.got, /x-late|transfer-encoding/i)
  const withBody = await sent(address, request('GET /books', 'Content-Length: 5'), 'abcde')
  t.match(JSON.parse(withBody.got), { method: 'GET', body: '' })
  t.notMatch(withBody.got, /content-length/, 'the body of a GET means nothing and stays here')
})

await test('what a client claims of itself is replaced, however it is written', async (t) => {
  const { url } = await upstream(t, echo)
  const address = await gateway(t, [url])
  const { got } = await sent(
    address,
    request(
      'GET /books',
      'X-Forwarded-For: 6.6.6.6',
      'x-forwarded-for: 7.7.7.7',
      'X_Forwarded_For: 8.8.8.8',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil',
      'X-Forwarded-Prefix: /evil',
      'X-Forwarded-Port: 1',
      'X-Real-IP: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
      'Connection: X-Forwarded-For, Authorization',
      'Under_score: 1',
      'X-Kept: 1',
    ),
  )
  const { headers } = JSON.parse(got)
  t.match(headers, {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'shop',
    'x-forwarded-proto': 'http',
    'x-kept': '1',
  })
  t.notMatch(got, /6\.6\.6\.6|7\.7\.7\.7|8\.8\.8\.8|evil|under_score|x-forwarded-port/i)
})

await test('path traversal: dots that name another path are refused, and no path leaves its service', async (t) => {
  const orders = await upstream(t, (_request, response) => response.end('orders'))
  const users = await upstream(t, echo)
  const address = await gatewayTo(t, [
    { name: 'users', prefixes: ['/users'], upstreams: [users.url] },
    { name: 'orders', prefixes: ['/orders'], upstreams: [orders.url] },
  ])
  const refused = [
    '/users/../orders',
    '/users/..',
    '/users/./1',
    '/users/%2e%2e/orders',
    '/users/%2E./orders',
    '/users/..%2forders',
    '/users/x%2F..%2F..%2forders',
    '/services/users/../orders',
    '/services/users/%2e%2e/orders',
    '/services/../orders',
    '/..',
    'http://shop/users/../orders',
  ]
  for (const path of refused) {
    const { status, answer } = await sent(address, request(`GET ${path}`))
    t.equal(status, 400, path)
    t.match(answer, /PATH_AMBIGUOUS/)
  }
  const kept = {
    '/users/..\\orders': '/users/..%5Corders',
    '/users/a..b/...': '/users/a..b/...',
    '/users//orders': '/users//orders',
    '/users/%252e%252e/orders': '/users/%252e%252e/orders',
    '/users?next=../orders': '/users?next=../orders',
    'http://evil/services/users/1': '/1',
    '/services/users//orders': '//orders',
  }
  for (const [path, url] of Object.entries(kept)) {
    const { status, got } = await sent(address, request(`GET ${path}`))
    t.match({ status, got: JSON.parse(got) }, { status: 200, got: { url } }, path)
  }
  for (const path of ['//orders', '/\\orders', '/%2forders', 'ftp://shop/orders', 'orders']) {
    const { status } = await sent(address, request(`GET ${path}`))
    t.ok(status === 404 || status === 400, `${path}: ${status}`)
  }
})

await test('oversized headers and bodies', async (t) => {
  const { url } = await upstream(t, echo)
  const address = await gateway(t, [url])
  const large = await sent(address, request('GET /books', `X-Large: ${'x'.repeat(20_000)}`))
  t.equal(large.status, 431)
  t.match(large.answer, /application\/problem\+json[\s\S]*HEADERS_TOO_LARGE/)
  const body = 'x'.repeat(70_000)
  for (const sentAs of [body, new Blob([body]).stream()]) {
    const answer = await fetch(`${address}/books`, { method: 'POST', body: sentAs, duplex: 'half' })
    t.equal(answer.status, 413)
    t.match(answer.headers.get('content-type'), 'application/problem+json')
    t.match(await answer.json(), { code: 'FST_ERR_CTP_BODY_TOO_LARGE' })
  }
  t.equal((await fetch(`${address}/${'a'.repeat(12_000)}`)).status, 200, 'a long path goes on')
})

await test('methods: HEAD and OPTIONS go on, TRACE, CONNECT and others are 405', async (t) => {
  const { url } = await upstream(t, (incoming, response) => {
    response.setHeader('x-method', incoming.method ?? '')
    response.setHeader('content-length', '5')
    response.end(incoming.method === 'HEAD' ? undefined : 'hello')
  })
  const address = await gateway(t, [url])
  const head = await fetch(`${address}/books`, { method: 'HEAD' })
  t.match([head.status, head.headers.get('content-length'), await head.text()], [200, '5', ''])
  t.equal((await fetch(`${address}/books`, { method: 'OPTIONS' })).headers.get('x-method'), 'OPTIONS')
  for (const line of [
    'TRACE /books',
    'CONNECT shop:80',
    'PROPFIND /books',
    'QUERY /books',
    'TRACE /health',
  ]) {
    const { status, answer } = await sent(address, request(line))
    t.equal(status, 405, line)
    t.match(answer, /allow: GET, HEAD, POST/i)
    t.match(answer, /application\/problem\+json[\s\S]*METHOD_NOT_ALLOWED/)
  }
  t.equal((await sent(address, request('BREW /books'))).status, 400, 'no method at all')
})

/** Connections that send a beginning and then, from time to time, a little more. */
function dawdle(t: Teardown, address: string, count: number, beginning: string, more: string): Socket[] {
  const { port } = new URL(address)
  return Array.from({ length: count }, () => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(beginning)
    const timer = setInterval(() => socket.write(more), 100)
    socket.once('close', () => clearInterval(timer))
    t.teardown(() => socket.destroy())
    return socket
  })
}

await test('slow requests: 200 connections that dawdle stop nobody, and are ended', async (t) => {
  const { url } = await upstream(t, echo)
  const address = await gateway(t, [url], { GATEWAY_HEADERS_TIMEOUT: '2s', GATEWAY_REQUEST_TIMEOUT: '3s' })
  const slowHeaders = dawdle(t, address, 200, 'GET /books HTTP/1.1\r\nHost: shop\r\n', 'X-A: b\r\n')
  const slowBodies = dawdle(
    t,
    address,
    20,
    'POST /books HTTP/1.1\r\nHost: shop\r\nContent-Length: 60000\r\n\r\n',
    'x',
  )
  await Promise.all([...slowHeaders, ...slowBodies].map((socket) => once(socket, 'connect')))
  for (let n = 0; n < 20; n++) t.equal((await fetch(`${address}/books`)).status, 200)
  const said = new Map<Socket, string>()
  for (const socket of [...slowHeaders, ...slowBodies]) {
    socket.on('data', (chunk: Buffer) => said.set(socket, (said.get(socket) ?? '') + String(chunk)))
  }
  await until('all are ended', () => [...slowHeaders, ...slowBodies].every(({ closed }) => closed), 30_000)
  for (const socket of [slowHeaders[0], slowBodies[0]]) {
    t.match(
      socket && said.get(socket),
      /^HTTP\/1\.1 408 [\s\S]*application\/problem\+json[\s\S]*REQUEST_TOO_SLOW/,
    )
  }
})

await test('a mutating request is never sent twice, whatever becomes of its replica', async (t) => {
  const seen: string[] = []
  const dying = await upstream(t, ({ method = '', socket }) => {
    seen.push(method)
    socket.destroy()
  })
  const address = await gateway(t, [dying.url, dying.url.replace('127.0.0.1', 'localhost')], {
    GATEWAY_PROBE_INTERVAL: '10m',
  })
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await fetch(`${address}/orders`, { method, body: '{}' })
    t.match(await answer.json(), { status: 502, code: 'REPLICA_FAILED' })
  }
  t.same(seen, ['POST', 'PUT', 'PATCH', 'DELETE'])
})

await test('a replica that falls silent keeps no read waiting, and gets no write again', async (t) => {
  let silent = false
  const seen = { silent: 0, other: 0 }
  const hung = () => {
    silent = true
    seen.silent++
  }
  const first = await upstream(t, hung, () => silent)
  const other = await upstream(t, (_request, response) => {
    seen.other++
    response.end('{}')
  })
  const address = await gateway(t, [first.url, other.url])
  const write = new AbortController()
  let written = 0
  const post = async () => {
    await fetch(`${address}/x`, { method: 'POST', signal: write.signal })
    written++
  }
  const writes = Promise.allSettled([post(), post()])
  await until('the write is with the silent one', () => seen.silent === 1)
  t.equal((await fetch(`${address}/x`)).status, 200)
  const reads = await Promise.all([fetch(`${address}/x`), fetch(`${address}/x`)])
  t.same(
    reads.map(({ status }) => status),
    [200, 200],
  )
  const before = seen.other
  t.equal(written, 1, 'one write was answered, the other waits on')
  write.abort()
  await writes
  t.equal(seen.other, before, 'the write was not tried elsewhere')
})
