/** What an application keeps in a session: JSON. Declare its own fields by augmenting this interface. */
export interface SessionData {
  readonly [field: string]: unknown
}

/** A session as it lies in Redis. Times are milliseconds since the epoch, by the clock of Redis. */
export interface SessionRecord {
  /** Undefined: an anonymous session. */
  readonly user: string | undefined
  readonly created: number
  /** However much it is used. */
  readonly ends: number
  /** The last use that prolonged it: at most a fifth of the idle time before the last use. */
  readonly seen: number
  /** The User-Agent at its beginning. */
  readonly agent: string
  readonly data: SessionData
}

/** Reads the fields `user generation ends created seen agent data`; undefined when this is no record of ours. */
export function recordOf(fields: readonly (string | undefined)[]): SessionRecord | undefined {
  const [user, generation, ends, created, seen, agent, text] = fields
  const times = [ends, created, seen].map(Number)
  if (user === undefined || generation === undefined || agent === undefined) return undefined
  const data = dataOf(text)
  if (data === undefined || !times.every((time) => Number.isSafeInteger(time) && time > 0)) return undefined
  return {
    user: user === '' ? undefined : user,
    ends: Number(ends),
    created: Number(created),
    seen: Number(seen),
    agent,
    data,
  }
}

function dataOf(text: string | undefined): SessionData | undefined {
  try {
    const data: unknown = JSON.parse(text ?? '')
    return isData(data) ? data : undefined
  } catch {
    return undefined
  }
}

const isData = (value: unknown): value is SessionData =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
