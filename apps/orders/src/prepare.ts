import process from 'node:process'
import { PostgresSettings, prepareDatabase } from '@lockstep/postgres'
import { readSettings } from '@lockstep/settings'
import { migrations } from './database/migrations/index.ts'

const settings = (env: NodeJS.ProcessEnv) => readSettings(PostgresSettings, env)

await prepareDatabase({ name: 'orders', owner: 'orders', settings, migrations }, process)
