import type { Clock } from '@lockstep/redis'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { Bus } from '../ports.ts'
import type { Change } from '../protocol/history.ts'

const Acknowledgement = Compile(
  Type.Object({
    shard: Type.Integer(),
    inc: Type.Integer(),
    seq: Type.Integer(),
    replica: Type.String(),
  }),
)

/** Past so many, what was heard is forgotten: a write that waits for it waits out its time. */
const MAX_REMEMBERED = 10_000

interface Awaited {
  readonly shard: number
  readonly incarnation: number
  readonly seq: number
  readonly replicas: Set<string>
  readonly done: () => void
}

/** What a replica tells the origin of a change when it has applied it. */
export const encodeAcknowledgement = (shard: number, change: Change, replica: string): string =>
  JSON.stringify({ shard, inc: change.incarnation, seq: change.seq, replica })

/** The writer's ear: who has applied what. It listens from the first fleet-wide write on. */
export class Acknowledgements {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #origin: string
  readonly #awaited = new Set<Awaited>()
  /** What each replica has applied, by shard and incarnation: word of it may come before the reply to the write itself. */
  readonly #applied = new Map<string, number>()
  #listening: Promise<() => Promise<void>> | undefined

  constructor(bus: Bus, clock: Clock, origin: string) {
    this.#bus = bus
    this.#clock = clock
    this.#origin = origin
  }

  /** Resolves when acknowledgements are heard; without, a write waits out its time. */
  async listen(): Promise<void> {
    this.#listening ??= this.#bus.listenTo(this.#origin, (payload) => this.#hear(payload))
    await this.#listening.catch(() => {
      this.#listening = undefined
    })
  }

  /** Resolves when all these replicas have applied the change, and after `ms` in any case. */
  wait(shard: number, change: Change, replicas: readonly string[], ms: number): Promise<void> {
    const { incarnation, seq } = change
    const has = (replica: string) => (this.#applied.get(`${shard} ${incarnation} ${replica}`) ?? 0) >= seq
    const others = new Set(replicas.filter((replica) => replica !== this.#origin && !has(replica)))
    if (others.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const awaited: Awaited = {
        shard,
        incarnation,
        seq,
        replicas: others,
        done: () => {
          cancel()
          this.#awaited.delete(awaited)
          resolve()
        },
      }
      const cancel = this.#clock.after(ms, awaited.done, true)
      this.#awaited.add(awaited)
    })
  }

  async close(): Promise<void> {
    const unlisten = await this.#listening?.catch(() => undefined)
    await unlisten?.()
  }

  #hear(payload: string): void {
    const message = parse(payload)
    if (!Acknowledgement.Check(message)) return
    if (this.#applied.size >= MAX_REMEMBERED) this.#applied.clear()
    this.#applied.set(`${message.shard} ${message.inc} ${message.replica}`, message.seq)
    for (const awaited of this.#awaited) {
      const { shard, incarnation, seq, replicas, done } = awaited
      if (message.shard !== shard || message.inc !== incarnation || message.seq < seq) continue
      if (replicas.delete(message.replica) && replicas.size === 0) done()
    }
  }
}

function parse(payload: string): unknown {
  try {
    return JSON.parse(payload)
  } catch {
    return undefined
  }
}
