import { Type } from 'typebox'
import { MAX_ID, User } from '../accounts/user.ts'
import { Profile } from '../profiles/profile.ts'

export const UserParams = Type.Object({ id: Type.Integer({ minimum: 1, maximum: MAX_ID }) })
export const EmailParams = Type.Object({ email: Type.String({ format: 'email', maxLength: 264 }) })
export const SessionParams = Type.Object({
  reference: Type.String({ pattern: '^[\\w-]{1,64}$', description: 'As GET /sessions names it' }),
})

export const ListQuery = Type.Object({
  skip: Type.Integer({ minimum: 0, maximum: MAX_ID, default: 0 }),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 20 }),
})

export const DeleteQuery = Type.Object({
  version: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_ID, description: 'Delete only this version' }),
  ),
})

export const TokenAnswer = Type.Object({
  token: Type.String({ description: 'For Authorization: Bearer' }),
  expiresIn: Type.Integer({ description: 'Seconds' }),
  user: User,
})

export const Ended = Type.Object({ sessions: Type.Integer({ description: 'How many were ended' }) })

export const ProfileAnswer = Type.Object({
  account: User,
  profile: Type.Union([Profile, Type.Null()], { description: 'null while Redis does not answer' }),
})

export const FieldAnswer = Type.Object({ value: Type.Union([Type.String(), Type.Integer()]) })

export const SessionList = Type.Object({
  items: Type.Array(
    Type.Object({
      reference: Type.String({ description: 'Names it without opening it' }),
      created: Type.String({ format: 'date-time' }),
      seen: Type.String({ format: 'date-time', description: 'Last used, to within a fifth of SESSION_IDLE' }),
      ends: Type.String({ format: 'date-time', description: 'However much it is used' }),
      agent: Type.String({ description: 'The User-Agent that logged in' }),
      current: Type.Boolean({ description: 'Whether this request is of it' }),
    }),
  ),
})
