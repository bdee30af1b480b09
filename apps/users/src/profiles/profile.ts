import Type, { type Static } from 'typebox'

/** What a user has set, which he may change and remove field by field. */
const preferences = {
  language: Type.String({
    pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
    maxLength: 35,
    description: 'A tag such as en-GB',
  }),
  theme: Type.Enum(['light', 'dark']),
}

/** What is kept beside an account, by fields. */
export const Profile = Type.Object({
  logins: Type.Integer({ minimum: 0, description: 'How often the user has logged in' }),
  lastLogin: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  ...Type.Partial(Type.Object({ language: Type.String(), theme: Type.String() })).properties,
})
export type Profile = Static<typeof Profile>

/** A change: the fields to replace; `null` removes one. */
export const ProfileChange = Type.Object(
  {
    language: Type.Optional(Type.Union([preferences.language, Type.Null()])),
    theme: Type.Optional(Type.Union([preferences.theme, Type.Null()])),
  },
  { additionalProperties: false, minProperties: 1 },
)
export type ProfileChange = Static<typeof ProfileChange>

export const PreferenceParams = Type.Object({ field: Type.Enum(['language', 'theme']) })
export const FieldParams = Type.Object({ field: Type.Enum(['logins', 'lastLogin', 'language', 'theme']) })
