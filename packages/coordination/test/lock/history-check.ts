import type { HistoryLine } from './history-plan.ts'
import { keyOf, parsed, type Seen } from './rig.ts'

/** A time in which it is certain that a lock was held, in µs of the server's clock. */
export interface Hold {
  readonly resource: string
  /** Of a lock: when Redis granted it. Of a permit: when its holder knew that it had it. */
  readonly from: number
  /** The last time that it was seen to be held. */
  readonly to: number
  readonly before: number
  readonly after: number
  readonly fence: number
}

export function holdsIn(lines: readonly HistoryLine[]): Hold[] {
  const seen = new Map<string, number>()
  for (const line of lines) if (line.kind === 'held') seen.set(line.id, line.at)
  return lines.flatMap((line) => {
    if (line.kind !== 'granted') return []
    const { resource, before, after, fence } = line
    // A fence is the server's time in µs when it was given.
    const from = fence === 0 ? after : fence
    return [{ resource, from, to: seen.get(line.id) ?? from, before, after, fence }]
  })
}

/** The most holds that there were at a time. */
export function mostAtOnce(holds: readonly Hold[]): number {
  const steps = holds.flatMap(({ from, to }) => [
    { at: from, step: 1 },
    { at: to, step: -1 },
  ])
  steps.sort((a, b) => a.at - b.at || a.step - b.step)
  let now = 0
  let most = 0
  for (const { step } of steps) {
    now += step
    most = Math.max(most, now)
  }
  return most
}

/** Grants that began to be asked for after another was had, and whose fence is not higher. */
export function fallingFences(holds: readonly Hold[]): number {
  const had = holds.toSorted((a, b) => a.after - b.after)
  let next = 0
  let highest = 0
  let falling = 0
  for (const hold of holds.toSorted((a, b) => a.before - b.before)) {
    for (let one = had[next]; one && one.after < hold.before; one = had[++next])
      highest = Math.max(highest, one.fence)
    if (hold.fence <= highest) falling++
  }
  return falling
}

/**
 * Grants of a resource by which somebody was overtaken who came into the queue before, and had it later: as the server
 * carried it out. Who left the queue by himself was not overtaken.
 *
 * @returns also how many were granted from the queue, for who trusts no test that has seen nothing
 */
export function overtakings(seen: readonly Seen[], resource: string): { overtaken: number; queued: number } {
  const [state, queue] = [keyOf('state', resource), keyOf('queue', resource)]
  const came = new Map<string, number>()
  const granted = new Map<string, number>()
  for (const [at, { by, words }] of seen.entries()) {
    const [command = '', key, value = ''] = words
    if (by !== 'lua') continue
    const verb = command.toUpperCase()
    if (verb === 'RPUSH' && key === queue && !came.has(value)) came.set(value, at)
    if (verb === 'LREM' && key === queue) came.delete(words[3] ?? '')
    if (verb === 'SET' && key === state)
      for (const { token } of parsed(value).holders) if (!granted.has(token)) granted.set(token, at)
  }
  const grants = [...granted].map(([token, at]) => ({ at, came: came.get(token) ?? at }))
  const queued = grants.filter((grant) => grant.came < grant.at)
  const overtaken = queued.filter((one) =>
    grants.some((other) => other.at > one.came && other.at < one.at && other.came > one.came),
  )
  return { overtaken: overtaken.length, queued: queued.length }
}
