import { connect } from 'node:net'

/**
 * Whether a Redis answers PING on this port of loopback within `within` ms, if only that it wants a password. Plain
 * RESP: no client is needed.
 */
export function answersPing(port: number, within = 500): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const settle = (answers: boolean): void => {
      socket.destroy()
      resolve(answers)
    }
    socket.setTimeout(within, () => settle(false))
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (reply) => settle(/^(\+PONG|-NOAUTH)/.test(reply.toString())))
    socket.once('error', () => settle(false))
    socket.once('close', () => settle(false))
  })
}
