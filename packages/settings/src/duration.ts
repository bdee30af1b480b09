import ms, { type StringValue } from 'ms'

/** A length of time: milliseconds as a number, or a string with its unit such as `'250ms'`, `'5s'`, `'30m'`, `'24h'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd' | 'w'}`

/**
 * The milliseconds in a duration.
 *
 * @param name what the duration bounds, for the error message
 * @throws {RangeError} with code `LOCKSTEP_DURATION_INVALID` when it is not a finite length of time ≥ 0 with a known unit
 */
export function toMilliseconds(duration: Duration, name = 'duration'): number {
  const length = typeof duration === 'number' ? duration : parse(duration)
  if (length === undefined || !Number.isFinite(length) || length < 0) throw new DurationError(name, duration)
  return length
}

/** Reads a duration that came from outside (an environment variable); undefined when it is not one. */
export function parseDuration(text: string): number | undefined {
  const length = parse(text)
  return length !== undefined && Number.isFinite(length) && length >= 0 ? length : undefined
}

/** `ms` reads a bare "5" as 5 ms and misreads what it does not know; a unit is required here, because guessing one has cost people nights. */
function parse(text: string): number | undefined {
  return isStringValue(text) ? ms(text) : undefined
}

function isStringValue(text: string): text is StringValue {
  return /^\d+(\.\d+)?(ms|s|m|h|d|w)$/.test(text)
}

export class DurationError extends RangeError {
  readonly code = 'LOCKSTEP_DURATION_INVALID'

  constructor(name: string, given: unknown) {
    super(
      `${name} must be milliseconds ≥ 0 or a string with a unit such as '250ms', '5s' or '30m', not ${JSON.stringify(given)}`,
    )
    this.name = 'DurationError'
  }
}
