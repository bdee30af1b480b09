export type ServersErrorCode =
  | 'REDIS_NOT_FOUND'
  | 'REDIS_START_FAILED'
  | 'POSTGRES_UNSUPPORTED'
  | 'POSTGRES_BINARIES_BROKEN'
  | 'POSTGRES_ALREADY_RUNNING'
  | 'POSTGRES_INIT_FAILED'
  | 'POSTGRES_START_FAILED'
  | 'POSTGRES_PASSWORD_LOST'
  | 'SPAWN_FAILED'
  | 'NO_FREE_PORT'
  | 'ABORTED'

/** A server that could not be found, set up or started; `code` is stable, the message names the way out. */
export class ServersError extends Error {
  override readonly name = 'ServersError'
  readonly code: ServersErrorCode

  constructor(code: ServersErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The `code` of a system or coded error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
