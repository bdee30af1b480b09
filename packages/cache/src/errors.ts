/** The loader did not answer in time. */
export class LoadTimeoutError extends Error {
  readonly code = 'LOCKSTEP_LOAD_TIMEOUT'

  constructor(name: string, timeout: number) {
    super(`Loading ${name} took longer than its hardTimeout of ${timeout} ms`)
    this.name = 'LoadTimeoutError'
  }
}

/** The value cannot be written by its codec. */
export class EncodeError extends Error {
  readonly code = 'LOCKSTEP_ENCODE_FAILED'

  constructor(name: string, options: ErrorOptions) {
    super(`The value of ${name} cannot be encoded`, options)
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

/** The intent of a mutation could not be declared, so its work was not begun: Redis is away. */
export class MutationAwayError extends Error {
  readonly code = 'LOCKSTEP_MUTATION_AWAY'

  constructor(options: ErrorOptions) {
    super('Redis does not answer: nothing was begun', options)
    this.name = 'MutationAwayError'
  }
}

/** What went wrong, in a line for a log. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
