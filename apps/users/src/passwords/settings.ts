import Type, { type StaticDecode } from 'typebox'

/** What a hash of a password costs: argon2id with one lane. OWASP's first choice unless told. */
export const PasswordSettings = Type.Object({
  PASSWORD_MEMORY: Type.Integer({
    default: 19_456,
    minimum: 7168,
    maximum: 1_048_576,
    description: 'KiB that the hash of a password takes',
  }),
  PASSWORD_PASSES: Type.Integer({
    default: 2,
    minimum: 1,
    maximum: 100,
    description: 'How often it goes over them',
  }),
  PASSWORD_CONCURRENCY: Type.Integer({
    default: 2,
    minimum: 1,
    maximum: 64,
    description: 'How many passwords are hashed at a time',
  }),
  PASSWORD_QUEUE: Type.Integer({
    default: 32,
    minimum: 0,
    maximum: 10_000,
    description: 'How many may wait for that; who comes beyond gets 503',
  }),
})

export type PasswordSettings = StaticDecode<typeof PasswordSettings>
