import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy on loopback that can do to connections what networks do. */
export interface FaultProxy {
  readonly port: number
  /** From now on nothing passes either way, on old and new connections, and nobody is told: a dead link. */
  blackHole(): void
  /** Everything passes again; connections that were open stay dead. */
  heal(): void
  /** Ends all connections with a reset. */
  reset(): void
  /** How many connections are open. */
  readonly connections: number
  close(): Promise<void>
}

/** @param target the port on loopback to which everything goes */
export async function faultProxy(target: number): Promise<FaultProxy> {
  const pairs = new Set<{ client: Socket; server: Socket }>()
  let dark = false

  const proxy = createServer((client) => {
    const server = connect(target, '127.0.0.1')
    const pair = { client, server }
    pairs.add(pair)
    // What a dead link swallowed stays lost, so a connection that was in the dark never passes anything again.
    let dead = dark
    const pass = (to: Socket) => (chunk: Buffer) => {
      dead ||= dark
      if (!dead) to.write(chunk)
    }
    client.on('data', pass(server))
    server.on('data', pass(client))
    const end = () => {
      if (dark || dead) return
      pairs.delete(pair)
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      socket.on('error', () => {})
      socket.on('close', end)
    }
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  const dropAll = (drop: (socket: Socket) => void) => {
    for (const { client, server } of pairs) {
      drop(client)
      drop(server)
    }
    pairs.clear()
  }

  return {
    port: address.port,
    get connections() {
      return pairs.size
    },
    blackHole: () => {
      dark = true
    },
    heal: () => {
      dark = false
    },
    reset: () => dropAll((socket) => socket.resetAndDestroy()),
    async close() {
      dropAll((socket) => socket.destroy())
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
