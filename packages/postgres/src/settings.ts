import { DurationSetting } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'

/** How a process reaches Postgres; every variable is optional but the address. */
export const PostgresSettings = Type.Object({
  DATABASE_URL: Type.String({
    pattern: '^postgres(ql)?://',
    secret: true,
    description: 'postgres://user:password@host:port/database',
  }),
  DATABASE_POOL_SIZE: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 1000,
    description: 'Connections a process',
  }),
  DATABASE_CONNECT_TIMEOUT: DurationSetting({
    default: '1s',
    description: 'The longest wait for a connection, from the pool or new',
  }),
  DATABASE_QUERY_TIMEOUT: DurationSetting({ default: '5s', description: 'The longest a query may take' }),
})

export type PostgresSettings = StaticDecode<typeof PostgresSettings>
