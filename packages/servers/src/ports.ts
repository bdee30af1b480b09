import { randomInt } from 'node:crypto'
import { closeSync, mkdirSync, openSync, statSync, utimesSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { codeOf, ServersError } from './errors.ts'

/**
 * Ports for servers lie below the range that systems hand to outgoing connections (from 32768 on Linux), so that
 * no such connection sits on the port of a server that is being restarted.
 */
const lowest = 20_000
const highest = 32_000
const tries = 200
/** For so long a port that was given to somebody is given to nobody else, in ms: by then he listens on it. */
const claimed = 60_000

/**
 * A port on loopback which nothing uses, chosen at random, and given to no other process of this user a short while ago, which
 * may not listen on it yet. Throws `NO_FREE_PORT` when 200 tries find none.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const port = randomInt(lowest, highest)
    if ((await portFree(port)) && claim(port)) return port
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

/** Whether nobody has claimed it; then it is ours. Where that cannot be noted, chance alone keeps processes apart. */
function claim(port: number): boolean {
  const folder = join(tmpdir(), `lockstep-ports-${userInfo().uid}`)
  const note = join(folder, String(port))
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    closeSync(openSync(note, 'wx'))
    return true
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') return true
  }
  const now = Date.now()
  if (now - statSync(note).mtimeMs < claimed) return false
  utimesSync(note, now / 1000, now / 1000)
  return true
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
