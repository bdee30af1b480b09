import { RedisUnavailableError } from '@lockstep/redis'
import type { Answer, Ask, Backend, Fenced } from './backend.ts'

/** How long who did not get a majority waits before it tries again, in ms: at random, or they would meet again. */
const BACKOFF_MS = { least: 10, most: 100 }

type Servers = readonly Backend<Fenced>[]

/** One backend made of several independent ones: what a majority of them says, counts. */
export function quorumOf(servers: Servers, random: () => number): Backend<undefined> {
  const majority = Math.floor(servers.length / 2) + 1
  const [first] = servers
  if (!first) throw new RangeError('a quorum needs servers')
  /** The servers that were not heard when they were asked: they may carry that out yet. */
  const unheard = new WeakMap<Ask, Set<Backend<Fenced>>>()

  async function askOf(server: Backend<Fenced>, ask: Ask): Promise<Answer<Fenced>> {
    try {
      return await server.ask(ask, false)
    } catch (error) {
      unheard.set(ask, (unheard.get(ask) ?? new Set()).add(server))
      throw error
    }
  }

  return {
    token: () => first.token(),

    async ask(ask): Promise<Answer<undefined>> {
      const { answers, failures } = await poll(servers, (server) => askOf(server, ask))
      const granted = answers.filter(({ kind }) => kind === 'granted').length
      if (granted >= majority) return { kind: 'granted', grant: undefined }
      // The same token asks again: none of its asks is void, also not one that comes late.
      if (granted > 0) await poll(servers, (server) => server.giveBack(ask, false))
      if (answers.length < majority) throw reasonIn(failures)
      const backoff = BACKOFF_MS.least + random() * (BACKOFF_MS.most - BACKOFF_MS.least)
      return { kind: 'taken', holderRest: restOf(answers, majority - granted), again: backoff }
    },

    async renew(ask: Ask): Promise<boolean> {
      const { answers, failures } = await poll(servers, (server) => server.renew(ask))
      const yes = answers.filter(Boolean).length
      if (yes >= majority) return true
      if (answers.length - yes >= majority) return false
      throw reasonIn(failures)
    },

    async giveBack(ask: Ask, isVoid: boolean): Promise<boolean> {
      const doubtful = unheard.get(ask)
      const { answers, failures } = await poll(servers, (server) =>
        server.giveBack(ask, isVoid || doubtful?.has(server) === true),
      )
      if (answers.length < majority) throw reasonIn(failures)
      return answers.filter(Boolean).length >= majority
    },

    onTurn: () => () => {},

    async whenAvailable(timeout) {
      const available = await Promise.all(servers.map((server) => server.whenAvailable(timeout)))
      return available.filter(Boolean).length >= majority
    },

    onAvailable(listener) {
      const forget = servers.map((server) => server.onAvailable(listener))
      return () => forget.forEach((stop) => stop())
    },

    async close() {
      await Promise.all(servers.map((server) => server.close()))
    },
  }
}

/** Asks all at once. A fault of one of them is that one's: it counts as no answer. */
async function poll<T>(servers: Servers, ask: (server: Backend<Fenced>) => Promise<T>) {
  const outcomes = await Promise.allSettled(servers.map(ask))
  const answers: T[] = []
  const failures: unknown[] = []
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') answers.push(outcome.value)
    else failures.push(outcome.reason)
  }
  return { answers, failures }
}

/** Why there was no majority: a fault, if there was one, for it does not pass by waiting. */
function reasonIn(failures: readonly unknown[]): unknown {
  const fault = failures.find((failure) => !(failure instanceof RedisUnavailableError))
  return fault ?? new RedisUnavailableError({ cause: failures[0] })
}

/** When so many of those that refused will be free, by the leases that they have told of. */
function restOf(answers: readonly Answer<Fenced>[], missing: number): number {
  const rests = answers.flatMap((answer) => (answer.kind === 'taken' ? [answer.holderRest] : []))
  return rests.toSorted((a, b) => a - b)[missing - 1] ?? 0
}
