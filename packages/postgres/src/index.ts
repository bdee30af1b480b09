export { type Database, openDatabase } from './database.ts'
export { faultOf, type PostgresFault } from './faults.ts'
export { MigrationError, migrate } from './migrate.ts'
export { PostgresSettings } from './settings.ts'
