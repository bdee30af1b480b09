import { randomInt } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { ServersError } from './errors.ts'

/**
 * Ports for servers lie below the range that systems hand to outgoing connections (from 32768 on Linux), so that
 * no such connection sits on the port of a server that is being restarted.
 */
const lowest = 20_000
const highest = 32_000
const tries = 200

/** A port on loopback which nothing uses, chosen at random; throws `NO_FREE_PORT` when 200 tries find none. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const port = randomInt(lowest, highest)
    if (await portFree(port)) return port
  }
  throw new ServersError('NO_FREE_PORT', `no free port found between ${lowest} and ${highest} on loopback`)
}

/** The first free port from `wish` upwards; a wish of 0 or none is any free port. */
export async function freePortFrom(wish: number): Promise<number> {
  for (let port = wish; port > 0 && port < 65_536 && port < wish + tries; port++) {
    if (await portFree(port)) return port
  }
  return freePort()
}

/**
 * Whether a server can listen on this port of 127.0.0.1 and be the one that `localhost` reaches: a listener on ::1
 * alone would let the bind succeed and still answer first.
 */
export async function portFree(port: number): Promise<boolean> {
  if (!(await canListen(port))) return false
  const answers = await Promise.all([answersOn('127.0.0.1', port), answersOn('::1', port)])
  return !answers.includes(true)
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function answersOn(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const settle = (answers: boolean): void => {
      socket.destroy()
      resolve(answers)
    }
    socket.setTimeout(500, () => settle(false))
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}
