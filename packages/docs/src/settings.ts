import { TtlSettings } from '@lockstep/cache'
import { type SettingRow, settingRows } from '@lockstep/settings'
import type { TObject } from 'typebox'
import { ActivitySettings } from '../../../apps/activity/src/config.ts'
import { CatalogSettings } from '../../../apps/catalog/src/config.ts'
import { GatewaySettings } from '../../../apps/gateway/src/config.ts'
import { OrdersSettings } from '../../../apps/orders/src/config.ts'
import { AdminSettings } from '../../../apps/users/src/accounts/first-admin.ts'
import { UsersSettings } from '../../../apps/users/src/config.ts'
import { FleetSettings } from '../../fleet/src/config.ts'

/** Every program of the fleet, with all that it reads from its environment. */
const programs: Readonly<Record<string, TObject>> = {
  'npm start': FleetSettings,
  gateway: GatewaySettings,
  catalog: CatalogSettings,
  users: UsersSettings,
  "users' prepare.ts": AdminSettings,
  orders: OrdersSettings,
  activity: ActivitySettings,
}
/** Those that `openService` makes. */
const SERVICES = ['catalog', 'users', 'orders', 'activity']

/** The classes of requirement K10, and which variables set them: a program's name, and the variable. */
const classes: readonly [
  data: string,
  wanted: string,
  setBy: readonly [program: string, variable: string][],
][] = [
  ['Static data', '24h', []],
  ['Data of a user', '30m, in the users service 10m', [['users', 'CACHE_TTL_USERS']]],
  [
    'Products',
    '30m',
    [
      ['catalog', 'CACHE_TTL_BOOKS'],
      ['orders', 'CACHE_TTL_BOOKS'],
    ],
  ],
  ['Sessions', '20m to 30m', [['users', 'SESSION_IDLE']]],
  [
    'Temporary data',
    '5m',
    [
      ['catalog', 'CACHE_TTL_LISTS'],
      ['users', 'CACHE_TTL_LISTS'],
      ['orders', 'CACHE_TTL_STOCK'],
    ],
  ],
  ['Locks', '30s', [['orders', 'ORDERS_LOCK_TTL']]],
  ['All else', '15m', [['catalog', 'CACHE_TTL_TAGS']]],
]
const OWN = [
  'TTL_STATIC',
  'TTL_USER',
  'TTL_PRODUCT',
  'TTL_SESSION',
  'TTL_TEMPORARY',
  'TTL_LOCK',
  'TTL_DEFAULT',
]

/** The text of `docs/settings.md`, from the schemas. */
export const settingsDocument = (): string => `# Settings

Every environment variable of the fleet, from the schemas that the programs read them with: \`npm run docs:settings\` writes
this file, and a test fails when it is out of date. A program names every variable that is missing or wrong in one error,
and does not start. An empty variable counts as absent. A duration is a number and a unit: \`250ms\`, \`5s\`, \`30m\`, \`24h\`,
\`7d\`. What is secret is in no log and no error. _Services_ are ${SERVICES.join(', ')}.

| variable | read by | default | may be | means |
| --- | --- | --- | --- | --- |
${rows().map(lineOf).join('\n')}

## How long data lives

The classes of requirement K10. A program of your own may take them from \`TtlSettings\` of
[@lockstep/cache](../packages/cache/README.md#settings), which is the last column.

| class | wanted | set by | in \`TtlSettings\` |
| --- | --- | --- | --- |
${classes.map(classLine).join('\n')}
`

interface Row extends SettingRow {
  readonly programs: string[]
}

/** What several programs say alike of a variable is one row. */
function rows(): Row[] {
  const found = new Map<string, Row>()
  for (const [program, schema] of Object.entries(programs)) {
    for (const row of settingRows(schema)) {
      const same = JSON.stringify(row)
      const known = found.get(same)
      if (known) known.programs.push(program)
      else found.set(same, { ...row, programs: [program] })
    }
  }
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))
}

function lineOf({ name, programs: by, default: value, required, secret, bounds, description }: Row): string {
  const unset = required ? '**required**' : ''
  const cells = [
    code(name),
    readers(by),
    value === undefined ? unset : code(value),
    bounds.replace(/(?<=^a text like )(.*)$/, code),
    description + (secret ? ' (secret)' : ''),
  ]
  return `| ${cells.map(escaped).join(' | ')} |`
}

function readers(by: readonly string[]): string {
  if (!SERVICES.every((name) => by.includes(name))) return by.join(', ')
  return ['services', ...by.filter((name) => !SERVICES.includes(name))].join(', ')
}

function classLine([data, wanted, setBy]: (typeof classes)[number], index: number): string {
  const set = setBy.map(
    ([program, variable]) => `${code(variable)} of ${program}: ${defaultOf(program, variable)}`,
  )
  const own = OWN[index] ?? ''
  const cells = [data, wanted, set.join('; ') || 'no service has any', `${code(own)}: ${ttlOf(own)}`]
  return `| ${cells.join(' | ')} |`
}

const defaultOf = (program: string, variable: string): string => rowOf(programs[program], variable)
const ttlOf = (variable: string): string => rowOf(TtlSettings, variable)

/** @throws when the schema has no such variable, or gives it no default */
function rowOf(schema: TObject | undefined, variable: string): string {
  const found = schema && settingRows(schema).find(({ name }) => name === variable)?.default
  if (found === undefined) throw new Error(`There is no default of ${variable}`)
  return found
}

const code = (text: string): string => `\`${text}\``
const escaped = (cell: string): string => cell.replaceAll('|', String.raw`\|`)
