import { once } from 'node:events'
import { Agent, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Teardown, until } from '@lockstep/testing'
import { test } from 'tap'
import { gateway, upstream } from './rig.ts'

/** A replica with a stream of events that the test writes, and one answer for all else. */
async function streaming(t: Teardown, env: Record<string, string> = {}) {
  const streams: ServerResponse[] = []
  const { url } = await upstream(t, (request, response) => {
    if (request.url === '/feed') {
      streams.push(response.writeHead(200, { 'content-type': 'text/event-stream' }))
      response.flushHeaders()
    } else response.end('{}')
  })
  const address = await gateway(t, [url], env)
  return { streams, address }
}

const agent = new Agent({ keepAlive: false })

/** Without an error of its own: a stream that is cut has one. */
const closed = (stream: IncomingMessage | ServerResponse) =>
  new Promise<void>((resolve) => stream.once('close', () => resolve()))

/** Opens the stream and resolves with its headers; what comes after them is for the test to read. */
async function open(t: Teardown, address: string): Promise<IncomingMessage> {
  const request = get(`${address}/feed`, { agent })
  t.teardown(() => request.destroy())
  const [answer] = await once(request, 'response')
  answer.on('error', () => {})
  return answer
}

await test('A5 headers of a stream arrive before its first event, and each event as it is written', async (t) => {
  const { streams, address } = await streaming(t)
  const answer = await open(t, address)
  t.match(answer.headers, { 'content-type': 'text/event-stream' })
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    streams[0]?.write(event)
    const [chunk] = await once(answer, 'data')
    t.equal(String(chunk), event)
  }
})

await test('A5 a stream lasts while heartbeats come, and ends when they do not', async (t) => {
  const { streams, address } = await streaming(t, { GATEWAY_TIMEOUT: '2s' })
  const answer = await open(t, address)
  const begun = performance.now()
  let heartbeats = 0
  while (performance.now() - begun < 3_000) {
    streams[0]?.write(': heartbeat\n\n')
    await once(answer, 'data')
    heartbeats++
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  t.ok(heartbeats > 2)
  t.notOk(answer.destroyed)
  await closed(answer)
  t.notOk(answer.complete, 'cut, not ended')
})

await test('A5 a client that goes away ends what the replica is asked, before and within an answer', async (t) => {
  const { streams, address } = await streaming(t)
  const answer = await open(t, address)
  const [stream] = streams
  if (!stream) throw new Error('no stream')
  const left = closed(stream)
  answer.destroy()
  await left

  const waiting = Promise.withResolvers<ServerResponse>()
  const { url } = await upstream(t, (_request, response) => waiting.resolve(response))
  const request = get(`${await gateway(t, [url])}/slow`, { agent })
  request.on('error', () => {})
  const response = await waiting.promise
  const ended = closed(response)
  request.destroy()
  await ended
  t.pass('the replica is told')
})

await test('A5 a replica that dies within a stream ends it for the client', async (t) => {
  const { streams, address } = await streaming(t)
  const answer = await open(t, address)
  streams[0]?.write('data: 1\n\n')
  await once(answer, 'data')
  const cut = closed(answer)
  streams[0]?.destroy()
  await cut
  t.notOk(answer.complete)
})

await test('A5 600 open streams leave room for other requests', async (t) => {
  const { streams, address } = await streaming(t)
  const answers = await Promise.all(Array.from({ length: 600 }, () => open(t, address)))
  t.equal(streams.length, 600)
  const others = await Promise.all(Array.from({ length: 50 }, () => fetch(`${address}/books`)))
  t.ok(others.every(({ status }) => status === 200))
  for (const answer of answers) answer.destroy()
  await until('the streams are given up', () => streams.every((stream) => stream.closed))
})

await test('a client that does not read holds up its own stream alone', async (t) => {
  const { streams, address } = await streaming(t)
  const slow = await open(t, address)
  const stream = streams[0]
  if (!stream) throw new Error('no stream')
  const piece = `data: ${'x'.repeat(64 * 1024)}\n\n`
  await until('the replica feels it', () => !stream.write(piece) && stream.writableNeedDrain, 20_000)
  await until('the pipe is full', () => stream.writableLength > piece.length, 20_000)
  t.equal((await fetch(`${address}/books`)).status, 200)
  slow.destroy()
  await until('it ends', () => stream.closed)
})
