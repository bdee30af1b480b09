import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { load } from '../table.ts'
import { drawCharts } from './charts.ts'
import { bookIds, disconnect, logIn } from './client.ts'
import { coldWarm } from './cold-warm.ts'
import { BenchError, findFleet } from './find.ts'
import { redisRates } from './redis.ts'
import { phaseTable, replayTable } from './tables.ts'
import { timeline } from './timeline.ts'
import { readTrace, replay } from './trace.ts'

const USAGE = `npm run bench:fleet [-- OPTIONS]: measures the fleet that \`npm start\` runs
  --books N      how many books are read (300)
  --rounds N     how often each is read when warm (20)
  --seconds N    how long the hit rate is watched (10)
  --trace FILE   replays an access trace (.lis, also .zst) on 1, 2 and 3 replicas
  --requests N   of the trace, at most (100000)
  --out FOLDER   where tables and charts go (.lockstep/bench)`

const OPTIONS = {
  books: { type: 'string', default: '300' },
  rounds: { type: 'string', default: '20' },
  seconds: { type: 'string', default: '10' },
  requests: { type: 'string', default: '100000' },
  trace: { type: 'string' },
  out: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

const root = fileURLToPath(new URL('../../../', import.meta.url))
const say = (text: string) => process.stdout.write(`${text}\n`)

function optionsOf(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS }).values
  } catch (error) {
    throw new BenchError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
  }
}

function positive(name: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) {
    throw new BenchError(
      `--${name} is ${JSON.stringify(text)}, which is not a whole number above 0\n${USAGE}`,
    )
  }
  return number
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2))
  if (options.help) {
    say(USAGE)
    return
  }
  const [books, rounds, seconds, requests] = (['books', 'rounds', 'seconds', 'requests'] as const).map(
    (name) => positive(name, options[name]),
  )
  const home = process.env['LOCKSTEP_HOME'] ?? join(root, '.lockstep')
  const { gatewayUrl: url, catalogs, redisUrl, admin: credentials } = findFleet(home, process.env)
  // npm runs this in the root; what a user typed is relative to where he is.
  const from = process.env['INIT_CWD'] ?? process.cwd()
  const pages =
    options.trace === undefined ? [] : await readTrace(resolve(from, options.trace), requests ?? 1)
  const admin = await logIn(url, credentials)
  say(`Logged in at ${url} as ${credentials.email}; ${load()}`)
  const ids = await bookIds(url)
  const shop = { url, admin, ids, catalogs }

  const { cold, warm, cleared } = await coldWarm(shop, { books: books ?? 1, rounds: rounds ?? 1 })
  const time = await timeline(shop, { seconds: seconds ?? 1, random: Math.random })
  const rates = redisUrl === undefined ? undefined : await redisRates(redisUrl)
  const replays = pages.length === 0 ? [] : await replay(shop, pages)

  const report = [
    `Cleared ${cleared} entries; ${ids.length} books; ${catalogs.length} replicas of the catalogue`,
    phaseTable(cold, warm),
    ...(rates
      ? [`Redis over one link: ${Math.round(rates.set)} SET and ${Math.round(rates.get)} GET a second`]
      : []),
    ...(replays.length > 0 ? [replayTable(replays)] : []),
    load(),
  ].join('\n\n')
  const folder = resolve(from, options.out ?? join(home, 'bench'))
  mkdirSync(folder, { recursive: true })
  const files = drawCharts(folder, { cold, warm, time })
  writeFileSync(join(folder, 'report.md'), `${report}\n`)
  say(`\n${report}\n\nCharts:\n${files.map((file) => `  ${file}`).join('\n')}`)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof BenchError ? error.message : describe(error)}\n`)
  process.exitCode = 1
} finally {
  disconnect()
}

function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `The fleet cannot be measured: ${error instanceof Error ? error.message : String(error)}${cause}`
}
