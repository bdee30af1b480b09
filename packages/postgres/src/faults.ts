/** What went wrong in Postgres, as far as a caller acts on it. */
export type PostgresFault =
  | { kind: 'unavailable' }
  | { kind: 'unique'; constraint: string }
  | { kind: 'other' }

/**
 * SQLSTATE classes that mean that the server is not there, or not for us now: 08 connection exceptions, 53 insufficient
 * resources, 57P01–05 shutdown and start-up, 57014 a statement past its timeout, 28 and 3D a login or database that is
 * not there (yet). https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const UNAVAILABLE_STATE = /^(08|53|57P0|57014|28|3D000)/
const UNAVAILABLE_ERRNO = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])
/** The driver says these in words only: it gives them no code. */
const UNAVAILABLE_MESSAGE =
  /timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered a connection error/

/** Tells an absent database from a broken rule and from a defect of ours. */
export function faultOf(error: unknown): PostgresFault {
  if (!(error instanceof Error)) return { kind: 'other' }
  if (error instanceof AggregateError) return faultOf(error.errors[0])
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === '23505' && 'constraint' in error && typeof error.constraint === 'string') {
    return { kind: 'unique', constraint: error.constraint }
  }
  const away =
    UNAVAILABLE_ERRNO.has(code) || UNAVAILABLE_STATE.test(code) || UNAVAILABLE_MESSAGE.test(error.message)
  return away ? { kind: 'unavailable' } : { kind: 'other' }
}
