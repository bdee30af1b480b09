import { connect, createServer, type Socket } from 'node:net'
import { DelayLine } from './delay-line.ts'

/** A connection that goes through the proxy, as far as it can be told from others. */
export interface ProxiedConnection {
  /** 1 for the first that was accepted. */
  readonly number: number
  /** The first 2 KiB that the client has sent, as Latin-1 text: a Redis client gives its name there, and subscribes. */
  readonly said: string
}

/** Chooses connections; asked anew for everything that passes, as a client says more about itself by and by. */
export type Which = (connection: ProxiedConnection) => boolean

/** A TCP proxy on loopback that can do to connections what networks do. */
export interface FaultProxy {
  readonly port: number
  /**
   * From now on nothing passes either way, on old and new connections, and nobody is told: a dead link.
   *
   * @param which the connections that go dark; all of them unless given
   */
  blackHole(which?: Which): void
  /**
   * From now on what passes comes late, and in order.
   *
   * @param late milliseconds for each direction, 0 unless given
   * @param which the connections that are slow; all of them unless given
   */
  delay(late: { toServer?: number; toClient?: number }, which?: Which): void
  /** Everything passes again, at once; connections that were open in the dark stay dead. */
  heal(): void
  /** Ends connections with a reset: all of them unless told which. */
  reset(which?: Which): void
  /** Resets all connections, now and every so many milliseconds, until the returned function is called. */
  resetEvery(ms: number): () => void
  /** How many connections are open. */
  readonly connections: number
  close(): Promise<void>
}

const SAID_BYTES = 2048
const nobody: Which = () => false
const everybody: Which = () => true

/** @param target the port on loopback to which everything goes */
export async function faultProxy(target: number): Promise<FaultProxy> {
  const pairs = new Set<Pair>()
  const faults: Faults = { dark: nobody, slow: nobody, toServer: 0, toClient: 0 }
  const timers = new Set<NodeJS.Timeout>()
  let accepted = 0

  // Small messages go on at once: what waits for acknowledgements would come 40 ms late without being told to.
  const proxy = createServer({ noDelay: true }, (client) => {
    accepted++
    const server = connect({ port: target, host: '127.0.0.1', noDelay: true })
    const pair = new Pair(accepted, client, server, faults, () => pairs.delete(pair))
    pairs.add(pair)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  const drop = (how: (socket: Socket) => void, which: Which) => {
    for (const pair of pairs) {
      if (!which(pair)) continue
      pairs.delete(pair)
      pair.drop(how)
    }
  }
  const reset = (which: Which = everybody) => drop((socket) => socket.resetAndDestroy(), which)

  return {
    port: address.port,
    get connections() {
      return pairs.size
    },
    blackHole(which = everybody) {
      faults.dark = which
    },
    delay({ toServer = 0, toClient = 0 }, which = everybody) {
      Object.assign(faults, { slow: which, toServer, toClient })
    },
    heal() {
      Object.assign(faults, { dark: nobody, slow: nobody })
    },
    reset,
    resetEvery(ms) {
      reset()
      const timer = setInterval(reset, ms)
      timers.add(timer)
      return () => clearInterval(timer)
    },
    async close() {
      for (const timer of timers) clearInterval(timer)
      drop((socket) => socket.destroy(), everybody)
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}

interface Faults {
  dark: Which
  slow: Which
  toServer: number
  toClient: number
}

/** A client, and the connection to the server that was made for it. */
class Pair implements ProxiedConnection {
  readonly number: number
  said = ''
  readonly #sockets: readonly Socket[]
  readonly #lines: readonly DelayLine[]
  readonly #faults: Faults
  /** What a dead link swallowed stays lost, so a connection that was in the dark never passes anything again. */
  #dead: boolean

  constructor(number: number, client: Socket, server: Socket, faults: Faults, ended: () => void) {
    this.number = number
    this.#faults = faults
    this.#dead = faults.dark(this)
    this.#sockets = [client, server]
    const toServer = new DelayLine((chunk) => this.#pass(server, chunk))
    const toClient = new DelayLine((chunk) => this.#pass(client, chunk))
    this.#lines = [toServer, toClient]
    client.on('data', (chunk: Buffer) => {
      if (this.said.length < SAID_BYTES)
        this.said += chunk.toString('latin1', 0, SAID_BYTES - this.said.length)
      this.#take(toServer, chunk, faults.toServer)
    })
    server.on('data', (chunk: Buffer) => this.#take(toClient, chunk, faults.toClient))
    const end = () => {
      if (faults.dark(this) || this.#dead) return
      ended()
      this.drop((socket) => socket.destroy())
    }
    for (const socket of this.#sockets) {
      socket.on('error', () => {})
      socket.on('close', end)
    }
  }

  drop(how: (socket: Socket) => void): void {
    for (const line of this.#lines) line.end()
    for (const socket of this.#sockets) how(socket)
  }

  #take(line: DelayLine, chunk: Buffer, late: number): void {
    this.#dead ||= this.#faults.dark(this)
    if (!this.#dead) line.push(chunk, this.#faults.slow(this) ? late : 0)
  }

  #pass(to: Socket, chunk: Buffer): void {
    this.#dead ||= this.#faults.dark(this)
    if (!this.#dead) to.write(chunk)
  }
}
