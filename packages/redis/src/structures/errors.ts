/** What lies at a key is not what the structure keeps there: another program wrote it, or an earlier version of this one. */
export class RedisValueError extends Error {
  readonly code = 'LOCKSTEP_REDIS_VALUE'
  readonly key: string

  /** @param found what is wrong with it; the value itself is not repeated */
  constructor(key: string, found: string, options?: ErrorOptions) {
    super(`${key} holds ${found}; remove it with redis-cli UNLINK '${key}', or use another name`, options)
    this.name = 'RedisValueError'
    this.key = key
  }
}

/** An argument that makes no sense: nothing was sent. */
export class RedisArgumentError extends RangeError {
  readonly code = 'LOCKSTEP_REDIS_ARGUMENT_INVALID'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RedisArgumentError'
  }
}
