import { memoryStore } from '../../src/memory/transport.ts'
import type { Bus, BusListener, Transport } from '../../src/ports.ts'
import type { SimProcess } from './process.ts'
import type { SimRedis } from './redis.ts'
import type { Random, Scheduler } from './scheduler.ts'

/** How a network behaves, in ms and probabilities. */
export interface NetworkPlan {
  readonly delay: readonly [from: number, to: number]
  /** Some take much longer. */
  readonly slow: number
  readonly slowUpTo: number
  readonly loseRequest: number
  readonly loseReply: number
  readonly loseMessage: number
  readonly repeatMessage: number
  /** Whether commands and messages each stay in order, as on one connection. */
  readonly ordered: boolean
  readonly commandTimeout: number
  /** Between two attempts to find out whether Redis is back. */
  readonly probeEvery: number
}

/** One process's way to Redis: commands, each with its own delays and losses, and the messages that it hears. */
export class Network {
  readonly transport: Transport
  /** Nothing gets through, and nobody says so. */
  cut = false
  /** The same for messages only. */
  deaf = false
  /** Losses and slowness stop when the faults are over. */
  calm = false
  away = false
  readonly #process: SimProcess
  readonly #redis: SimRedis
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #plan: NetworkPlan
  readonly #fail = new Set<(error: Error) => void>()
  readonly #back = new Set<() => void>()
  #listener: BusListener | undefined
  #listening = false
  #lastRequest = 0
  #lastReply = 0
  #lastMessage = 0

  constructor(process: SimProcess, redis: SimRedis, scheduler: Scheduler, random: Random, plan: NetworkPlan) {
    this.#process = process
    this.#redis = redis
    this.#scheduler = scheduler
    this.#random = random
    this.#plan = plan
    const store = memoryStore(redis.server, (script) => this.#call(script))
    this.transport = {
      prefix: redis.server.prefix,
      store: { ...store, onAvailable: (listener) => this.#onAvailable(listener) },
      bus: this.#bus(),
    }
  }

  /** The command connection breaks: what was sent may or may not be executed, and no reply comes. */
  reset(): void {
    for (const fail of this.#fail) this.#process.receive(this.#scheduler.now, () => fail(new Error('reset')))
  }

  /** The subscriber connection breaks, and says so; it listens again after a while. */
  resubscribe(after: number): void {
    if (this.#listener === undefined) return
    this.#listening = false
    this.#process.receive(this.#scheduler.now, () => this.#listener?.down())
    this.#scheduler.at(this.#scheduler.now + after, () => this.subscribe())
  }

  /** Whether commands go through, and nothing slow is on its way before them. */
  get quiet(): boolean {
    const last = Math.max(this.#lastRequest, this.#lastReply, this.#lastMessage)
    return !this.away && last <= this.#scheduler.now + this.#plan.delay[1]
  }

  subscribe(): void {
    if (!this.#redis.up) return
    this.#listening = true
    this.#process.receive(this.#scheduler.now + this.#delay(), () => this.#listener?.up())
  }

  #call<T>(script: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    if (this.away) {
      reject(new Error('away'))
      return promise
    }
    const done = () => {
      cancel()
      this.#fail.delete(fail)
    }
    const fail = (error: Error) => {
      done()
      this.#goAway()
      reject(error)
    }
    const cancel = this.#process.after(this.#plan.commandTimeout, () => fail(new Error('timeout')))
    this.#fail.add(fail)
    if (this.#lost(this.#plan.loseRequest)) return promise
    this.#lastRequest = this.#arrival(this.#lastRequest)
    this.#scheduler.at(this.#lastRequest, () => {
      if (!this.#redis.up || this.cut) {
        if (!this.cut && this.#redis.refuses) this.#reply(() => fail(new Error('refused')))
        return
      }
      const executed = this.#scheduler.now
      const result = this.#redis.execute(script, this.#process)
      if (this.#lost(this.#plan.loseReply)) return
      this.#reply(() => {
        if (!this.#fail.has(fail)) return
        done()
        this.#redis.replied(this.#process, result, executed)
        resolve(result)
      })
    })
    return promise
  }

  #reply(action: () => void): void {
    this.#lastReply = this.#arrival(this.#lastReply)
    this.#process.receive(this.#lastReply, () => {
      if (!this.cut) action()
    })
  }

  #goAway(): void {
    if (this.away) return
    this.away = true
    const look = () =>
      void this.#process.after(this.#plan.probeEvery, () => (this.#answers() ? back() : look()))
    const back = () => {
      this.away = false
      for (const listener of this.#back) listener()
    }
    look()
  }

  #answers(): boolean {
    return this.#redis.up && !this.cut && !this.#lost(this.#plan.loseRequest + this.#plan.loseReply)
  }

  #onAvailable(listener: () => void): () => void {
    this.#back.add(listener)
    return () => void this.#back.delete(listener)
  }

  #bus(): Bus {
    const { server } = this.#redis
    return {
      listen: (listener) => {
        this.#listener = listener
        server.listen({ up() {}, down() {}, message: (payload) => this.#hear(payload) })
        this.subscribe()
        return async () => {}
      },
      listenTo: async (origin, hear) => {
        const unlisten = server.listenTo(origin, (payload) => this.#deliver(() => hear(payload)))
        return async () => unlisten()
      },
      tell: (origin, payload) => this.#call(() => server.tell(origin, payload)),
    }
  }

  #hear(payload: string): void {
    if (this.#listening) this.#deliver(() => this.#redis.heard(this.#process, payload, this.#listener))
  }

  #deliver(action: () => void): void {
    if (!this.#process.alive || this.deaf || this.cut || this.#lost(this.#plan.loseMessage)) return
    this.#lastMessage = this.#arrival(this.#lastMessage)
    this.#process.receive(this.#lastMessage, action)
    if (!this.#lost(this.#plan.repeatMessage)) return
    this.#process.receive(this.#scheduler.now + this.#delay() * 4, action)
  }

  #lost(probability: number): boolean {
    return !this.calm && this.#random.chance(probability)
  }

  #arrival(last: number): number {
    const time = this.#scheduler.now + this.#delay()
    return this.#plan.ordered ? Math.max(last, time) : time
  }

  #delay(): number {
    const [from, to] = this.#plan.delay
    if (!this.calm && this.#random.chance(this.#plan.slow))
      return this.#random.between(to, this.#plan.slowUpTo)
    return this.#random.between(from, to)
  }
}
