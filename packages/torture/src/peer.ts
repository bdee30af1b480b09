import type { Socket } from 'node:net'

export type Handlers = Readonly<Record<string, (...args: number[]) => number[] | Promise<number[]>>>

interface Call {
  readonly resolve: (result: number[]) => void
  readonly reject: (error: Error) => void
}

/**
 * One end of a line between the controller and a worker: calls by name, numbers there and numbers back. A line of text is
 * `? id name numbers…`, `= id numbers…` or `! id message`. When the socket closes, what was asked is rejected.
 */
export class Peer {
  readonly #socket: Socket
  readonly #handlers: Handlers
  readonly #calls = new Map<number, Call>()
  #next = 1
  #rest = ''

  constructor(socket: Socket, handlers: Handlers) {
    this.#socket = socket
    this.#handlers = handlers
    socket.setNoDelay(true)
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const { reject } of this.#calls.values()) reject(new Error('the line is closed'))
      this.#calls.clear()
    })
  }

  /** @throws what the other end threw, or that the line is closed */
  call(name: string, ...args: number[]): Promise<number[]> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('the line is closed'))
        return
      }
      this.#calls.set(id, { resolve, reject })
      this.#socket.write(`? ${id} ${name} ${args.join(' ')}\n`)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#take(line)
  }

  #take(line: string): void {
    const [kind, id = '', ...words] = line.split(' ')
    if (kind === '?') {
      const [name = '', ...args] = words
      void this.#answer(id, name, args.filter(Boolean).map(Number))
      return
    }
    const call = this.#calls.get(Number(id))
    this.#calls.delete(Number(id))
    if (kind === '=') call?.resolve(words.filter(Boolean).map(Number))
    else call?.reject(new Error(words.join(' ')))
  }

  async #answer(id: string, name: string, args: number[]): Promise<void> {
    try {
      const handler = this.#handlers[name]
      if (!handler) throw new Error(`nobody answers ${name}`)
      const result = await handler(...args)
      this.#socket.write(`= ${id} ${result.join(' ')}\n`)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#socket.write(`! ${id} ${message.replaceAll('\n', ' ')}\n`)
    }
  }
}
