import type { Generated, Selectable } from 'kysely'

/** The tables of the users service, as Kysely types them. Migrations are the truth; this follows them. */
export interface UsersDatabase {
  users: UsersTable
  user_log_outs: LogOutsTable
}

interface UsersTable {
  id: Generated<number>
  version: Generated<number>
  /** As its user writes it. */
  email: string
  /** As it is compared: see `parseEmail`. */
  email_key: string
  name: string
  /** A PHC string of argon2id. */
  password_hash: string
  roles: Generated<string[]>
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

export type UserRow = Selectable<UsersTable>

/** Log-outs that were decided with a change of an account, and are not known to be done. */
interface LogOutsTable {
  id: Generated<number>
  user_id: number
  decided_at: Generated<Date>
}
