import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemAnswers, readAfter } from '@lockstep/fastify'
import { RedisUnavailableError } from '@lockstep/redis'
import { Type } from 'typebox'
import type { Accounts } from '../accounts/accounts.ts'
import { fieldNotFound, userNotFound } from '../problems.ts'
import { FieldParams, PreferenceParams, Profile, ProfileChange } from '../profiles/profile.ts'
import type { Profiles } from '../profiles/profiles.ts'
import { userIdOf } from './access.ts'
import { FieldAnswer, ProfileAnswer } from './schemas.ts'

const tags = ['profile']

/** What belongs to the caller himself: his account, and the hash beside it (requirement D1). */
export const profileRoutes: FastifyPluginAsyncTypebox<{ accounts: Accounts; profiles: Profiles }> = async (
  app,
  { accounts, profiles },
) => {
  app.get(
    '/profile',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: "The caller's account and profile, with how often and when he logged in",
        response: { 200: ProfileAnswer, ...problemAnswers(401, 403, 404, 429, 503) },
      },
    },
    async (request) => {
      const id = userIdOf(request)
      const { value: account } = await accounts.user(id, readAfter(request))
      if (!account) throw userNotFound(String(id))
      return { account, profile: await profiles.of(id).catch(nullWhenAway) }
    },
  )

  app.patch(
    '/profile',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: 'Changes fields of the profile; null removes one',
        body: ProfileChange,
        response: { 200: Profile, ...problemAnswers(400, 401, 403, 429, 503) },
      },
    },
    async (request) => {
      const id = userIdOf(request)
      await profiles.change(id, request.body)
      return profiles.of(id)
    },
  )

  // Before the GET route, which would have it made from itself: whether a field is there is a question of its own.
  app.head(
    '/profile/:field',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: 'Whether the profile has a field',
        params: FieldParams,
        response: { 204: Type.Null(), ...problemAnswers(400, 401, 403, 404, 429, 503) },
      },
    },
    async (request, reply) => {
      const { field } = request.params
      if (!(await profiles.has(userIdOf(request), field))) throw fieldNotFound(field)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/profile/:field',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: 'One field of the profile',
        params: FieldParams,
        response: { 200: FieldAnswer, ...problemAnswers(400, 401, 403, 404, 429, 503) },
      },
    },
    async (request) => {
      const { field } = request.params
      const value = await profiles.field(userIdOf(request), field)
      if (value === undefined) throw fieldNotFound(field)
      return { value }
    },
  )

  app.delete(
    '/profile/:field',
    {
      config: { caller: 'required' },
      schema: {
        tags,
        summary: 'Removes a field of the profile that the user has set',
        params: PreferenceParams,
        response: { 204: Type.Null(), ...problemAnswers(400, 401, 403, 404, 429, 503) },
      },
    },
    async (request, reply) => {
      const { field } = request.params
      if (!(await profiles.removeField(userIdOf(request), field))) throw fieldNotFound(field)
      return reply.code(204).send(null)
    },
  )
}

function nullWhenAway(error: unknown): null {
  if (error instanceof RedisUnavailableError) return null
  throw error
}
