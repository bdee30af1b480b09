import { fileURLToPath } from 'node:url'
import { clearHome } from './clear.ts'
import { readConfig } from './config.ts'
import { messageOf } from './errors.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')

try {
  const { home, databaseUrl } = readConfig(process.env, root)
  const removed = await clearHome(home, { secrets: databaseUrl === undefined })
  const lines =
    removed.length === 0 ? ['There was nothing to remove.'] : removed.map((path) => `Removed ${path}`)
  if (databaseUrl !== undefined)
    lines.push('The database of DATABASE_URL is yours and was not touched, nor the secrets.')
  process.stdout.write(`${lines.join('\n')}\n`)
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 1
}
