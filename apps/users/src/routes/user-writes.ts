import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Policy } from '@lockstep/coordination'
import { type Caller, isAdmin, problemAnswers, requireCaller, tellWrite } from '@lockstep/fastify'
import { Type } from 'typebox'
import type { Accounts } from '../accounts/accounts.ts'
import { emailOf } from '../accounts/email.ts'
import type { AccountChange, Unchanged } from '../accounts/repository.ts'
import { NewUser, RolesChange, User, UserChange } from '../accounts/user.ts'
import type { Login } from '../login/login.ts'
import type { Passwords } from '../passwords/passwords.ts'
import {
  attemptsUsedUp,
  emailTaken,
  lastAdmin,
  passwordRequired,
  passwordWrong,
  userNotFound,
  versionConflict,
} from '../problems.ts'
import type { Profiles } from '../profiles/profiles.ts'
import { assertMayAct } from './access.ts'
import { DeleteQuery, UserParams } from './schemas.ts'

export interface UserWritesOptions {
  readonly accounts: Accounts
  readonly login: Login
  readonly passwords: Passwords
  readonly profiles: Profiles
  /** Changes of email a user, which tell whether an address is taken. */
  readonly emailChanges: Policy
}

const tags = ['users']

/**
 * Writing accounts (requirement A1). When an answer arrives, Redis has evicted what the write made stale, and told every
 * replica; or Redis does not answer this replica, and the eviction is sent as soon as it does. Who was to be logged out is.
 */
export const userWrites: FastifyPluginAsyncTypebox<UserWritesOptions> = async (app, options) => {
  const { accounts, login, passwords, profiles, emailChanges } = options

  app.post(
    '/users',
    {
      config: { limit: 'register' },
      schema: {
        tags,
        summary: 'Registers a user',
        body: NewUser,
        response: { 201: User, ...problemAnswers(400, 409, 429, 503) },
      },
    },
    async ({ body }, reply) => {
      const email = emailOf(body.email)
      // Cheaper than the hash of a password for nothing; the database decides.
      if ((await accounts.userByEmail(email))?.value) throw emailTaken()
      const passwordHash = await passwords.hash(body.password)
      const { result: user, written } = await accounts.create({ email, name: body.name, passwordHash })
      tellWrite(reply, ...written)
      reply.header('cache-control', 'no-store').header('location', `/users/${user.id}`)
      return reply.code(201).send(user)
    },
  )

  app.patch(
    '/users/:id',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: 'Changes a user; for the user and admins. Another password logs out everywhere',
        params: UserParams,
        body: UserChange,
        response: { 200: User, ...problemAnswers(400, 401, 403, 404, 409, 429, 503) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const caller = requireCaller(request)
      assertMayAct(caller, id)
      const { email, name, version } = request.body
      if (email !== undefined && !isAdmin(caller)) await countEmailChange(caller)
      const password = await newPassword(caller, id, request.body)
      const change: AccountChange = {
        ...(email === undefined ? {} : { email: emailOf(email) }),
        ...(name === undefined ? {} : { name }),
        ...(version === undefined ? {} : { version }),
        ...(password === undefined ? {} : { password }),
      }
      const { result, written } = await accounts.change(id, change)
      tellWrite(reply, ...written)
      if (result.kind !== 'done') throw problemOf(id, result)
      return result.user
    },
  )

  app.put(
    '/users/:id/roles',
    {
      config: { caller: 'admin' },
      schema: {
        tags,
        summary: 'Gives and takes roles, and logs the user out everywhere; for admins',
        params: UserParams,
        body: RolesChange,
        response: { 200: User, ...problemAnswers(400, 401, 403, 404, 409, 429, 503) },
      },
    },
    async ({ params: { id }, body }, reply) => {
      const { result, written } = await accounts.change(id, body)
      tellWrite(reply, ...written)
      if (result.kind !== 'done') throw problemOf(id, result)
      return result.user
    },
  )

  app.delete(
    '/users/:id',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: 'Deletes a user; for the user and admins',
        params: UserParams,
        querystring: DeleteQuery,
        response: { 204: Type.Null(), ...problemAnswers(400, 401, 403, 404, 409, 429, 503) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      assertMayAct(requireCaller(request), id)
      const { result, written } = await accounts.remove(id, request.query.version)
      tellWrite(reply, ...written)
      if (result.kind !== 'done') throw problemOf(id, result)
      // Nobody can ask for it any more; what cannot be removed now ends with its time.
      await profiles.remove(id).catch(() => {})
      return reply.code(204).send(null)
    },
  )

  async function countEmailChange({ id }: Caller): Promise<void> {
    const decision = await emailChanges.consume(id)
    if (!decision.allowed) throw attemptsUsedUp(decision.retryAfterMs)
  }

  /** The new hash, when the caller may set it: his own password only with the one before. */
  async function newPassword(
    caller: Caller,
    id: number,
    { password, currentPassword }: UserChange,
  ): Promise<AccountChange['password']> {
    if (password === undefined) return undefined
    if (caller.id !== String(id)) return { hash: await passwords.hash(password), replaces: undefined }
    if (currentPassword === undefined) throw passwordRequired()
    const { value: user } = await accounts.user(id)
    if (!user) throw userNotFound(String(id))
    const checked = await login.check(id, emailOf(user.email), currentPassword)
    if (checked.kind === 'limited') throw attemptsUsedUp(checked.retryAfterMs)
    if (checked.kind === 'refused') throw passwordWrong()
    return { hash: await passwords.hash(password), replaces: checked.hash }
  }
}

function problemOf(id: number, result: Unchanged) {
  if (result.kind === 'absent') return userNotFound(String(id))
  return result.kind === 'last-admin' ? lastAdmin(id) : versionConflict(id, result.current)
}
