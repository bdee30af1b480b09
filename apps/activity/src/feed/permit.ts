/** The right to a feed, by the session or the token that it was opened with. */
export interface Permit {
  readonly user: string
  /** When it ends whatever happens, in ms since the epoch. */
  readonly ends: number
  /** Whether it holds now. @throws when nobody can say */
  holds(): Promise<boolean>
}
