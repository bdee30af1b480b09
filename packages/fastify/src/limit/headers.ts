import type { Decision, Policy } from '@lockstep/coordination'
import type { FastifyReply } from 'fastify'

/** Seconds, rounded up and never 0: who comes then is not refused for having come too early. */
export const secondsOf = (milliseconds: number): number => Math.max(1, Math.ceil(milliseconds / 1000))

/** A String of Structured Fields (RFC 9651), of ASCII that can be printed. */
export const sfString = (text: string): string => `"${text.replace(/["\\]/g, String.raw`\$&`)}"`

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

function durationOf(milliseconds: number): string {
  const [unit, length] = UNITS.find(([, size]) => milliseconds % size === 0) ?? ['ms', 1]
  return `${milliseconds / length}${unit}`
}

/** What a policy says in the headers of draft-ietf-httpapi-ratelimit-headers-11. */
export interface LimitHeaders {
  /** Members of `RateLimit-Policy`, one a tier: `"default";q=100;w=60`. */
  readonly policy: string
  /** Members of `RateLimit`, one a tier: `"default";r=99;t=66`. */
  limit(decision: Decision): string
}

/** A tier is named after its policy; where it has several, with its window, `"api:1h"`: no name of a policy has a colon. */
export function limitHeaders({ name, tiers }: Pick<Policy, 'name' | 'tiers'>): LimitHeaders {
  const names = tiers.map(({ window }) =>
    sfString(tiers.length === 1 ? name : `${name}:${durationOf(window)}`),
  )
  const members = tiers.map(({ limit, window }, at) => `${names[at]};q=${limit};w=${secondsOf(window)}`)
  return {
    policy: members.join(', '),
    limit: (decision) =>
      decision.tiers
        .map(({ remaining, resetMs }, at) => {
          // While Redis is away and all pass, nobody knows.
          const t = resetMs === 0 && decision.allowed ? '' : `;t=${windowOf(decision, resetMs)}`
          return `${names[at]};r=${remaining}${t}`
        })
        .join(', '),
  }
}

/** For how many seconds no more than what remains is to be had; never past `Retry-After`, as the draft has it. */
function windowOf({ retryAfterMs }: Decision, resetMs: number): number {
  const reset = Math.ceil(resetMs / 1000)
  return retryAfterMs === 0 ? reset : Math.min(Math.max(1, reset), secondsOf(retryAfterMs))
}

/** Adds members to a header whose value is a list. */
export function appendHeader(reply: FastifyReply, name: string, members: string): void {
  const before = reply.getHeader(name)
  reply.header(name, before === undefined ? members : `${String(before)}, ${members}`)
}

/** `X-RateLimit-*`, in seconds where it is a time; of several policies, the one with the fewest permits left. */
export function legacyHeaders(reply: FastifyReply, decision: Decision): void {
  const before = reply.getHeader('x-ratelimit-remaining')
  if (before !== undefined && Number(before) < decision.remaining) return
  reply
    .header('x-ratelimit-limit', decision.tier.limit)
    .header('x-ratelimit-remaining', decision.remaining)
    .header('x-ratelimit-reset', windowOf(decision, decision.resetMs))
}
