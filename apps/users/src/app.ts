import { openService } from '@lockstep/fastify'
import { openDatabase } from '@lockstep/postgres'
import type { FastifyInstance } from 'fastify'
import { createAccounts } from './accounts/accounts.ts'
import { userCaches } from './accounts/caches.ts'
import { isEmail } from './accounts/email.ts'
import { createLogOuts } from './accounts/log-outs.ts'
import { userRepository } from './accounts/repository.ts'
import type { UsersSettings } from './config.ts'
import type { UsersDatabase } from './database/schema.ts'
import { createLogin } from './login/login.ts'
import { createPasswords } from './passwords/passwords.ts'
import { translate } from './problems.ts'
import { openProfiles } from './profiles/profiles.ts'
import { authRoutes } from './routes/auth.ts'
import { profileRoutes } from './routes/profile.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { userReads } from './routes/user-reads.ts'
import { userWrites } from './routes/user-writes.ts'

/** Puts the users service together; it does not listen. Neither Redis nor Postgres need be there (requirement C3). */
export function createApp(settings: UsersSettings): FastifyInstance {
  const { app, redis, cache, limiter, tokens } = openService({
    name: 'users',
    title: 'Lockstep users',
    description: 'Accounts of the shop: registration, login by token and by session, profiles, roles',
    settings,
    translate,
    formats: { email: isEmail },
    policies: {
      login: {
        limit: settings.LOGIN_ADDRESS_ATTEMPTS,
        window: settings.LOGIN_ADDRESS_WINDOW,
        by: 'address',
      },
      register: { limit: settings.REGISTRATIONS, window: settings.REGISTRATION_WINDOW, by: 'address' },
    },
    checks: [
      {
        name: 'postgres',
        description: 'Where accounts are kept',
        whenDown: 'unhealthy',
        check: () => database.ping(),
      },
    ],
    onClosed: () => database.close(),
  })
  const database = openDatabase<UsersDatabase>(settings, 'users', app.log)
  const repository = userRepository(database)
  const passwords = createPasswords({
    memory: settings.PASSWORD_MEMORY,
    passes: settings.PASSWORD_PASSES,
    concurrency: settings.PASSWORD_CONCURRENCY,
    waiting: settings.PASSWORD_QUEUE,
  })
  // Sessions are there when the plugins are loaded.
  const generation = (user: string) => app.sessions.generation(user)
  const logOuts = createLogOuts(
    database,
    { generation, endAll: (user) => app.sessions.endAll(user) },
    app.log,
  )
  const accounts = createAccounts(repository, cache, userCaches(cache, repository, settings), logOuts)
  const profiles = openProfiles(redis, { prefix: settings.KEY_PREFIX, ttl: settings.PROFILE_TTL })
  const login = createLogin({
    repository,
    passwords,
    attempts: limiter.policy({
      name: 'attempts',
      limit: settings.LOGIN_ATTEMPTS,
      window: settings.LOGIN_WINDOW,
    }),
    generation,
    count: (user) => profiles.loggedIn(user),
    logger: app.log,
  })
  const emailChanges = limiter.policy({
    name: 'email-changes',
    limit: settings.REGISTRATIONS,
    window: settings.REGISTRATION_WINDOW,
  })
  app.addHook('onReady', async () => logOuts.start())
  app.addHook('onClose', () => logOuts.close())

  app.register(userReads, { accounts })
  app.register(userWrites, { accounts, login, passwords, profiles, emailChanges })
  app.register(authRoutes, { login, tokens })
  app.register(profileRoutes, { accounts, profiles })
  app.register(sessionRoutes)
  return app
}
