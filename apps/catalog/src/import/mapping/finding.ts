/** Something about one row that a person should look at: it was left out, or came in with a doubt. */
export interface Finding {
  kind: 'rejected' | 'notice'
  /** The line of the file on which the row begins, counted from 1. */
  line: number
  /** Empty when the row as a whole is at fault. */
  column: string
  reason: string
  /** The cell as it was in the file. */
  value: string
}
