import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { faultProxy, type Teardown, until } from '@lockstep/testing'
import { test } from 'tap'

/** A server that answers with what it is told, behind a proxy. */
async function setUp(t: Teardown) {
  const echo = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  const proxy = await faultProxy(portOf(echo.address()))
  t.teardown(async () => {
    await proxy.close()
    echo.close()
  })
  return proxy
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return address.port
}

async function client(t: Teardown, port: number) {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const state = { heard: '', closed: false }
  socket.on('data', (chunk: Buffer) => {
    state.heard += chunk.toString()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    state.closed = true
  })
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return { state, say: (text: string) => socket.write(text) }
}

await test('only the connections that a predicate chooses go dark, also by what they say later', async (t) => {
  const proxy = await setUp(t)
  const [chosen, other] = [await client(t, proxy.port), await client(t, proxy.port)]
  chosen.say('hello ')
  other.say('hello ')
  await until(
    'both are answered',
    () => chosen.state.heard === other.state.heard && chosen.state.heard !== '',
  )
  proxy.blackHole(({ said }) => said.includes('SUBSCRIBE'))
  chosen.say('SUBSCRIBE')
  other.say('there')
  await until('the other is answered', () => other.state.heard === 'hello there')
  t.equal(chosen.state.heard, 'hello ')
  proxy.heal()
  chosen.say('again')
  other.say('!')
  await until('the other is answered', () => other.state.heard === 'hello there!')
  t.equal(chosen.state.heard, 'hello ', 'what was open in the dark stays dead')
  t.equal(chosen.state.closed, false, 'and nobody is told')
})

await test('one connection is chosen by its number', async (t) => {
  const proxy = await setUp(t)
  const [first, second] = [await client(t, proxy.port), await client(t, proxy.port)]
  await until('both are through', () => proxy.connections === 2)
  proxy.reset(({ number }) => number === 1)
  await until('the first is closed', () => first.state.closed)
  second.say('here')
  await until('the second is answered', () => second.state.heard === 'here')
})

await test('a delay holds back one direction, and what it holds stays in order', async (t) => {
  const proxy = await setUp(t)
  const { state, say } = await client(t, proxy.port)
  proxy.delay({ toClient: 120 })
  const begun = performance.now()
  say('1')
  await until('something is heard', () => state.heard !== '')
  t.ok(performance.now() - begun >= 118, 'it came late')
  say('2')
  proxy.heal()
  say('3')
  await until('all is heard', () => state.heard.length === 3)
  t.equal(state.heard, '123')
})

await test('connections are reset again and again, until told', async (t) => {
  const proxy = await setUp(t)
  const first = await client(t, proxy.port)
  await until('it is through', () => proxy.connections === 1)
  const stop = proxy.resetEvery(100)
  await until('it is closed', () => first.state.closed)
  const second = await client(t, proxy.port)
  await until('it is closed in its turn', () => second.state.closed)
  stop()
  const third = await client(t, proxy.port)
  const begun = performance.now()
  await until('two turns have passed', () => performance.now() - begun > 200)
  t.equal(third.state.closed, false)
})

await test('only the connections that a predicate chooses are slow', async (t) => {
  const proxy = await setUp(t)
  const [chosen, other] = [await client(t, proxy.port), await client(t, proxy.port)]
  proxy.delay({ toServer: 150 }, ({ said }) => said.includes('SUBSCRIBE'))
  chosen.say('SUBSCRIBE')
  other.say('here')
  await until('the other is answered', () => other.state.heard === 'here')
  t.equal(chosen.state.heard, '')
  await until('the chosen one is answered, too', () => chosen.state.heard === 'SUBSCRIBE')
})
