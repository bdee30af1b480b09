/** The loader did not answer in time. */
export class LoadTimeoutError extends Error {
  readonly code = 'LOCKSTEP_LOAD_TIMEOUT'

  constructor(name: string, timeout: number) {
    super(`Loading ${name} took longer than its hardTimeout of ${timeout} ms`)
    this.name = 'LoadTimeoutError'
  }
}

/** The value cannot be written as JSON. */
export class EncodeError extends Error {
  readonly code = 'LOCKSTEP_ENCODE_FAILED'

  constructor(name: string, options: ErrorOptions) {
    super(`The value of ${name} cannot be encoded as JSON`, options)
    this.name = 'EncodeError'
  }
}

/** A cache was defined wrongly. */
export class DefinitionError extends Error {
  readonly code = 'LOCKSTEP_CACHE_DEFINITION'

  constructor(message: string) {
    super(message)
    this.name = 'DefinitionError'
  }
}
