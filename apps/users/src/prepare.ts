import process from 'node:process'
import { PostgresSettings, prepareDatabase } from '@lockstep/postgres'
import { readSettings } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'
import { AdminSettings, firstAdmin } from './accounts/first-admin.ts'
import { userRepository } from './accounts/repository.ts'
import { migrations } from './database/migrations/index.ts'
import type { UsersDatabase } from './database/schema.ts'
import { createPasswords } from './passwords/passwords.ts'
import { PasswordSettings } from './passwords/settings.ts'

const Settings = Type.Object({
  ...PostgresSettings.properties,
  ...PasswordSettings.properties,
  ...AdminSettings.properties,
})

await prepareDatabase<UsersDatabase, StaticDecode<typeof Settings>>(
  {
    name: 'users',
    owner: 'users',
    settings: (env) => readSettings(Settings, env),
    migrations,
    /** An admin who can make others. */
    async fill(database, settings) {
      const repository = userRepository(database)
      const passwords = createPasswords({
        memory: settings.PASSWORD_MEMORY,
        passes: settings.PASSWORD_PASSES,
        concurrency: 1,
        waiting: 0,
      })
      const admin = await firstAdmin(repository, passwords, settings)
      const { total } = await repository.page({ skip: 0, limit: 1 })
      return { users: total, admin }
    },
  },
  process,
)
