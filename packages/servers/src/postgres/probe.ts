import { Client } from 'pg'
import { codeOf, messageOf } from '../errors.ts'

const queryDeadline = 5_000

/** Makes the database unless it is there; false while the server does not take connections yet. */
export async function ensureDatabase(adminUrl: string, name: string): Promise<boolean> {
  const client = new Client({
    connectionString: adminUrl,
    connectionTimeoutMillis: queryDeadline,
    query_timeout: queryDeadline,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`)
    return true
  } catch (error) {
    if (isNotYet(error)) return false
    throw error
  } finally {
    await client.end().catch(() => {})
  }
}

/** Refused, cut off, or `57P03`: the database system is starting up. */
function isNotYet(error: unknown): boolean {
  const code = codeOf(error) ?? ''
  if (['ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P03', '57P01'].includes(code)) return true
  return /timeout|terminated/i.test(messageOf(error))
}
