import type { Database } from '@lockstep/postgres'
import { sql, type Transaction } from 'kysely'
import type { UserRow, UsersDatabase } from '../database/schema.ts'
import type { Email } from './email.ts'
import type { User } from './user.ts'

/** An account to be made. */
export interface NewAccount {
  readonly email: Email
  readonly name: string
  readonly passwordHash: string
  readonly roles?: readonly string[]
}

/** What a change puts in the place of what was; what it does not name stays. */
export interface AccountChange {
  readonly email?: Email
  readonly name?: string
  /** `replaces`: the hash that the old password was checked against; another in its place is a conflict. */
  readonly password?: { readonly hash: string; readonly replaces: string | undefined }
  readonly roles?: readonly string[]
  /** When given, only this version of the account is changed. */
  readonly version?: number
}

/** Why nothing was changed. */
export type Unchanged = { kind: 'absent' } | { kind: 'conflict'; current: number } | { kind: 'last-admin' }

/** What became of a change. `logOut`: the number of the log-out that it calls for, if it does. */
export type Changed = { kind: 'done'; user: User; before: User; logOut: number | undefined } | Unchanged

/** What became of a deletion. */
export type Deleted = { kind: 'done'; before: User; logOut: number } | Unchanged

/** What a login is checked against. */
interface StoredCredentials {
  readonly passwordHash: string
  readonly user: User
}

/** Accounts in Postgres. */
export interface UserRepository {
  /** In the order of the ids; undefined where there is no account. */
  byIds(ids: readonly number[]): Promise<(User | undefined)[]>
  idByEmail(key: string): Promise<number | undefined>
  page(page: { skip: number; limit: number }): Promise<{ items: User[]; total: number }>
  credentials(id: number): Promise<StoredCredentials | undefined>
  /** @throws a unique violation when another account has the address */
  create(account: NewAccount): Promise<User>
  /** @throws as `create` */
  change(id: number, change: AccountChange): Promise<Changed>
  remove(id: number, version: number | undefined): Promise<Deleted>
  /** Stores another hash of the same password, unless the password was changed meanwhile. */
  rehash(id: number, hash: string, replaces: string): Promise<void>
}

export function userRepository({ db }: Pick<Database<UsersDatabase>, 'db'>): UserRepository {
  return {
    async byIds(ids) {
      const rows = await db.selectFrom('users').select(COLUMNS).where('id', 'in', ids).execute()
      const found = new Map(rows.map((row) => [row.id, toUser(row)]))
      return ids.map((id) => found.get(id))
    },

    async idByEmail(key) {
      const row = await db.selectFrom('users').select('id').where('email_key', '=', key).executeTakeFirst()
      return row?.id
    },

    async page({ skip, limit }) {
      const [rows, count] = await Promise.all([
        db.selectFrom('users').select(COLUMNS).orderBy('id').offset(skip).limit(limit).execute(),
        db
          .selectFrom('users')
          .select((eb) => eb.fn.countAll<number>().as('total'))
          .executeTakeFirstOrThrow(),
      ])
      return { items: rows.map(toUser), total: count.total }
    },

    async credentials(id) {
      const row = await db.selectFrom('users').select(WITH_HASH).where('id', '=', id).executeTakeFirst()
      return row && { passwordHash: row.password_hash, user: toUser(row) }
    },

    async create({ email, name, passwordHash, roles = [] }) {
      const row = await db
        .insertInto('users')
        .values({
          email: email.address,
          email_key: email.key,
          name,
          password_hash: passwordHash,
          roles: [...roles],
        })
        .returning(COLUMNS)
        .executeTakeFirstOrThrow()
      return toUser(row)
    },

    change(id, change) {
      return db.transaction().execute(async (trx): Promise<Changed> => {
        const { email, name, password, roles } = change
        const row = await find(trx, id, change)
        if ('kind' in row) return row
        if (password?.replaces !== undefined && password.replaces !== row.password_hash) {
          return { kind: 'conflict', current: row.version }
        }
        if (roles && !roles.includes('admin') && (await isLastAdmin(trx, row))) return { kind: 'last-admin' }
        const after = await trx
          .updateTable('users')
          .set({
            ...(email ? { email: email.address, email_key: email.key } : {}),
            ...(name === undefined ? {} : { name }),
            ...(password ? { password_hash: password.hash } : {}),
            ...(roles ? { roles: [...roles] } : {}),
            version: row.version + 1,
            updated_at: sql<Date>`now()`,
          })
          .where('id', '=', id)
          .returning(COLUMNS)
          .executeTakeFirstOrThrow()
        const logOut = password || roles ? await owe(trx, id) : undefined
        return { kind: 'done', user: toUser(after), before: toUser(row), logOut }
      })
    },

    remove(id, version) {
      return db.transaction().execute(async (trx): Promise<Deleted> => {
        const row = await find(trx, id, { version, roles: [] })
        if ('kind' in row) return row
        if (await isLastAdmin(trx, row)) return { kind: 'last-admin' }
        await trx.deleteFrom('users').where('id', '=', id).execute()
        return { kind: 'done', before: toUser(row), logOut: await owe(trx, id) }
      })
    },

    async rehash(id, hash, replaces) {
      await db
        .updateTable('users')
        .set({ password_hash: hash })
        .where('id', '=', id)
        .where('password_hash', '=', replaces)
        .execute()
    },
  }
}

const COLUMNS = ['id', 'version', 'email', 'name', 'roles', 'created_at', 'updated_at'] as const
const WITH_HASH = [...COLUMNS, 'password_hash'] as const

type Row = Pick<UserRow, (typeof WITH_HASH)[number]>

/** Of two admins who take the role from one another at once, the second waits here, and then finds that he is the last. */
const ADMINS_LOCK = 0x4c_53_55_41

/** The account, held until the transaction ends. */
async function find(
  trx: Transaction<UsersDatabase>,
  id: number,
  { version, roles }: { version?: number | undefined; roles?: readonly string[] },
): Promise<Row | Unchanged> {
  if (roles) await sql`select pg_advisory_xact_lock(${ADMINS_LOCK})`.execute(trx)
  const row = await trx
    .selectFrom('users')
    .select(WITH_HASH)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  if (!row) return { kind: 'absent' }
  if (version !== undefined && version !== row.version) return { kind: 'conflict', current: row.version }
  return row
}

/** The transaction holds {@link ADMINS_LOCK}. */
async function isLastAdmin(trx: Transaction<UsersDatabase>, row: Row): Promise<boolean> {
  if (!row.roles.includes('admin')) return false
  const other = await trx
    .selectFrom('users')
    .select('id')
    .where(sql<boolean>`'admin' = any(roles)`)
    .where('id', '<>', row.id)
    .executeTakeFirst()
  return other === undefined
}

async function owe(trx: Transaction<UsersDatabase>, user: number): Promise<number> {
  const { id } = await trx
    .insertInto('user_log_outs')
    .values({ user_id: user })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

const toUser = (row: Omit<Row, 'password_hash'>): User => ({
  id: row.id,
  version: row.version,
  email: row.email,
  name: row.name,
  roles: row.roles,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
})
