export type FleetErrorCode =
  | 'FLEET_ALREADY_RUNNING'
  | 'FLEET_NEVER_READY'
  | 'FLEET_PREPARE_FAILED'
  | 'FLEET_SECRETS_UNREADABLE'

/** A fleet that cannot be started or reset; `code` is stable, the message says what to look at. */
export class FleetError extends Error {
  override readonly name = 'FleetError'
  readonly code: FleetErrorCode

  constructor(code: FleetErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
