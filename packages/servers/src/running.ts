import type { Leashed } from './leash/spawn.ts'

/** A server that answers, on loopback, and ends with this process. */
export interface RunningServer extends Leashed {
  /** With the password, where there is one: not for logs. */
  readonly url: string
  readonly host: string
  readonly port: number
}
