/**
 * The bytes of an entry are not what its codec writes: damaged, moved, of another key, or made by somebody else. The
 * entry then reads as absent. It says why in fixed words and has no cause: what a parser says quotes its input.
 */
export class DecodeError extends Error {
  readonly code = 'LOCKSTEP_DECODE_FAILED'

  constructor(name: string, reason: string) {
    super(`The stored value of ${name} cannot be decoded: ${reason}`)
    this.name = 'DecodeError'
  }
}

/** A field of an entry does not fit its place in the header. */
export class EntryFieldError extends Error {
  readonly code = 'LOCKSTEP_ENTRY_FIELD'

  constructor(field: string, rule: string) {
    super(`The ${field} of an entry must be ${rule}`)
    this.name = 'EntryFieldError'
  }
}
