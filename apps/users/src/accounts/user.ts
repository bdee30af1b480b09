import Type, { type Static } from 'typebox'
import { MAX_EMAIL } from './email.ts'

/** The greatest id: users are numbered by a Postgres `integer`. */
export const MAX_ID = 2_147_483_647

/** What a user may be besides a user. The role of services is none of theirs. */
const Role = Type.Enum(['admin'])

const Version = Type.Integer({
  minimum: 1,
  maximum: MAX_ID,
  description: 'Of the account that this was made against; a later one is left alone',
})

const EmailField = Type.String({
  format: 'email',
  // Spaces around it are taken off.
  maxLength: MAX_EMAIL + 10,
  description: 'Upper and lower case are the same address',
})

/** Text that Postgres can keep, in one line, with something to see in it. */
const NameField = Type.String({ minLength: 1, maxLength: 100, pattern: '^(?=.*\\S)[^\\p{Cc}\\p{Cs}]+$' })

/** Half of a surrogate pair would become the same replacement character as any other. */
const PASSWORD = '^[^\\u0000\\p{Cs}]*$'

/** One that is chosen. Length is what counts: no rule asks for a certain kind of character. */
export const NewPassword = Type.String({
  minLength: 12,
  maxLength: 128,
  pattern: PASSWORD,
  description: 'Any 12 to 128 characters',
})

/** One to be checked: it may be of a time with other rules. */
const Password = Type.String({ minLength: 1, maxLength: 128, pattern: PASSWORD })

/** An account as its user and admins see it. What its password is, nobody does. */
export const User = Type.Object({
  id: Type.Integer({ minimum: 1, maximum: MAX_ID }),
  version: Type.Integer({ minimum: 1, description: 'One more after every change' }),
  email: Type.String(),
  name: Type.String(),
  roles: Type.Array(Type.String()),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
})
export type User = Static<typeof User>

/** A registration. Roles are given by admins, later. */
export const NewUser = Type.Object(
  { email: EmailField, password: NewPassword, name: NameField },
  { additionalProperties: false },
)
export type NewUser = Static<typeof NewUser>

/** A change: the fields to replace. Whoever changes his own password must know it. */
export const UserChange = Type.Object(
  {
    email: Type.Optional(EmailField),
    name: Type.Optional(NameField),
    password: Type.Optional(NewPassword),
    currentPassword: Type.Optional(Password),
    version: Type.Optional(Version),
  },
  { additionalProperties: false, minProperties: 1 },
)
export type UserChange = Static<typeof UserChange>

export const RolesChange = Type.Object(
  { roles: Type.Array(Role, { maxItems: 10, uniqueItems: true }), version: Type.Optional(Version) },
  { additionalProperties: false },
)

export const Credentials = Type.Object(
  { email: EmailField, password: Password },
  { additionalProperties: false },
)

/** A page of accounts, in the order of their ids. */
export const UserPage = Type.Object({
  items: Type.Array(User),
  total: Type.Integer({ description: 'How many there are, over all pages' }),
  skip: Type.Integer(),
  limit: Type.Integer(),
})
export type UserPage = Static<typeof UserPage>
