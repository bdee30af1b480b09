import { fencesMigration } from '@lockstep/postgres'
import type { Migration } from 'kysely/migration'
import * as orders from './0001-orders.ts'

/** Every migration, by name; a name that has landed never changes. */
export const migrations: Record<string, Migration> = { '0001-orders': orders, '0002-fences': fencesMigration }
