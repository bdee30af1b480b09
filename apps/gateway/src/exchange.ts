import { Agent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'

/**
 * How asking a replica ended. `never sent`: any request may be tried elsewhere. `broken`: the connection ended before an
 * answer, and what became of the request is not known. `unusable`: the fault may be the request's, which must not count
 * against the replica. `given up`: the signal said so.
 */
export type Outcome =
  | { readonly kind: 'answer'; readonly answer: IncomingMessage }
  | {
      readonly kind: 'never sent' | 'broken' | 'too slow' | 'unusable' | 'given up'
      readonly code: string
    }

/** What a replica is asked. */
interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  readonly body: Buffer | undefined
  /** Ends the exchange at any point of it, also within the answer. */
  readonly signal: AbortSignal
}

export interface Replicas {
  /** @param address such as `http://127.0.0.1:4001` */
  ask(address: string, asked: Asked): Promise<Outcome>
  /**
   * Reads what the gateway itself wants to know of a replica.
   *
   * @param within milliseconds for the whole of it
   * @returns undefined when it does not answer in time
   */
  read(address: string, path: string, within: number): Promise<{ status: number; text: string } | undefined>
  close(): void
}

const CONNECT_TIMEOUT_MS = 1000
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT'])

/**
 * Asks replicas over HTTP/1.1, on connections that are kept. Their number has no bound of its own: there are never more
 * than clients that wait, and a queue would let streams, which last, starve all other requests.
 *
 * @param timeout milliseconds: the longest until an answer begins, and the longest pause within one
 */
export function openReplicas(timeout: number): Replicas {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 64 })
  const ask: Replicas['ask'] = (address, { method, path, headers, body, signal }) =>
    new Promise((resolve) => {
      const { hostname, port } = new URL(address)
      let kind: 'never sent' | 'too slow' | undefined
      const request = httpRequest({ agent, hostname, port, method, path, headers, timeout, signal })
      const giveUp = (why: 'never sent' | 'too slow') => {
        kind = why
        request.destroy()
      }
      request.once('socket', (socket) => limitConnect(socket, () => giveUp('never sent')))
      request.once('timeout', () => giveUp('too slow'))
      request.once('response', (answer) => resolve({ kind: 'answer', answer }))
      // We ask for no upgrade: a replica that makes one does not speak what it should.
      request.once('upgrade', (_answer, socket) => {
        socket.destroy()
        resolve({ kind: 'unusable', code: 'upgraded' })
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        const code = error.code ?? error.message
        if (signal.aborted) resolve({ kind: 'given up', code })
        else if (kind) resolve({ kind, code: kind })
        else if (error.syscall === 'connect') resolve({ kind: 'never sent', code })
        else resolve({ kind: BROKEN.has(code) ? 'broken' : 'unusable', code })
      })
      request.end(body)
    })
  return {
    ask,
    async read(address, path, within) {
      const late = new AbortController()
      const timer = setTimeout(() => late.abort(), within)
      try {
        const asked = { method: 'GET', path, headers: {}, body: undefined, signal: late.signal }
        const outcome = await ask(address, asked)
        if (outcome.kind !== 'answer') return undefined
        return { status: outcome.answer.statusCode ?? 0, text: await text(outcome.answer) }
      } catch {
        return undefined
      } finally {
        clearTimeout(timer)
      }
    },
    close: () => agent.destroy(),
  }
}

/** A connection is made at once or not at all: replicas are near. */
function limitConnect(socket: Socket, onLate: () => void): void {
  if (!socket.connecting) return
  const timer = setTimeout(onLate, CONNECT_TIMEOUT_MS)
  const done = () => clearTimeout(timer)
  socket.once('connect', done)
  socket.once('close', done)
}
