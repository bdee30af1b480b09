import type { Migration } from 'kysely/migration'
import * as users from './0001-users.ts'

/** Every migration, by name; a name that has landed never changes. */
export const migrations: Record<string, Migration> = { '0001-users': users }
