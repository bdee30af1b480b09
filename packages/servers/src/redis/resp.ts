import { connect, type Socket } from 'node:net'

/** What a Redis answers, in RESP2; an error reply is thrown. */
export type Reply = string | number | null | Reply[]

/**
 * Sends one command to a Redis on loopback over a connection of its own and gives the answer. Enough to set servers up
 * and to watch them; a client it is not.
 *
 * @param within milliseconds until it gives up
 * @throws {Error} what Redis answered when that is an error, or that it did not answer
 */
export async function ask(
  port: number,
  command: readonly (string | number)[],
  within = 5_000,
): Promise<Reply> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    const reply = await answerOf(socket, command, within)
    if (reply instanceof Error) throw reply
    return reply
  } finally {
    socket.destroy()
  }
}

/** {@link ask}, for a reply that is a text. */
export async function askText(port: number, ...command: (string | number)[]): Promise<string> {
  return String(await ask(port, command))
}

function answerOf(
  socket: Socket,
  command: readonly (string | number)[],
  within: number,
): Promise<Reply | Error> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`${command.join(' ')}: ${why}`))
    const timer = setTimeout(() => fail(`no answer within ${within} ms`), within)
    const settle = (reply: Reply | Error): void => {
      clearTimeout(timer)
      resolve(reply)
    }
    let received = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      const parsed = parse(received, 0)
      if (parsed) settle(parsed.value)
    })
    socket.once('error', (error) => {
      clearTimeout(timer)
      fail(error.message)
    })
    socket.once('close', () => {
      clearTimeout(timer)
      fail('the connection was closed')
    })
    const words = command.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`)
    socket.write(`*${words.length}\r\n${words.join('')}`)
  })
}

/** The value that begins at `from` and where the next begins; undefined while it is not all there. */
function parse(bytes: Buffer, from: number): { value: Reply | Error; next: number } | undefined {
  const end = bytes.indexOf('\r\n', from)
  if (end < 0) return undefined
  const line = bytes.toString('utf8', from + 1, end)
  const next = end + 2
  switch (String.fromCharCode(bytes[from] ?? 0)) {
    case '-':
      return { value: new Error(line), next }
    case ':':
      return { value: Number(line), next }
    case '$':
      return bulk(bytes, Number(line), next)
    case '*':
      return list(bytes, Number(line), next)
    default:
      return { value: line, next }
  }
}

function bulk(bytes: Buffer, length: number, from: number) {
  if (length < 0) return { value: null, next: from }
  if (bytes.length < from + length + 2) return undefined
  return { value: bytes.toString('utf8', from, from + length), next: from + length + 2 }
}

function list(bytes: Buffer, length: number, from: number) {
  const values: Reply[] = []
  let next = from
  for (let index = 0; index < length; index++) {
    const item = parse(bytes, next)
    if (!item) return undefined
    values.push(item.value instanceof Error ? item.value.message : item.value)
    next = item.next
  }
  return { value: values, next }
}
