import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect } from 'node:net'
import type { Teardown } from '@lockstep/testing'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'

/** A replica that answers as it is told, and says that it is ready unless it is silent. */
export async function upstream(
  t: Teardown,
  handle: RequestListener,
  isSilent = () => false,
): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    if (request.url !== '/readyz') handle(request, response)
    else if (!isSilent()) response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `http://127.0.0.1:${address.port}`, server }
}

/** A gateway before one service, or before those that are given. */
export async function gateway(
  t: Teardown,
  upstreams: string[],
  more: Record<string, string> = {},
  prefixes = ['/'],
) {
  return gatewayTo(t, [{ name: 'catalog', prefixes, upstreams }], more)
}

export async function gatewayTo(
  t: Teardown,
  services: { name: string; prefixes: string[]; upstreams: string[] }[],
  more: Record<string, string> = {},
) {
  const settings = readConfig({
    SERVICE_ID: 'gateway',
    LOG_LEVEL: 'silent',
    GATEWAY_SERVICES: JSON.stringify(services),
    GATEWAY_PROBE_INTERVAL: '20ms',
    ...more,
  })
  const app = await createApp(settings)
  t.teardown(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

export const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    response.setHeader('x-served-by', 'replica')
    response.end(
      JSON.stringify({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      }),
    )
  })
}

/** Sends bytes and gives back the status line and the rest. */
export async function raw(address: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(address).port), '127.0.0.1')
  socket.write(bytes)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}
