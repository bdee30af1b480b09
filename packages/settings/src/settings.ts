import Type, { type StaticDecode, type TObject, type TSchema } from 'typebox'
import Value from 'typebox/value'
import { parseDuration } from './duration.ts'

/** Where settings come from: `process.env`, or an object of the same shape in a test. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The longest that a timer of Node can wait; past it, it would fire at once. */
const LONGEST_MS = 2 ** 31 - 1
/** The same, as it is said. */
export const LONGEST = '24d'

/**
 * A setting that holds a length of time, written `5s` or `250ms`, read as milliseconds. It is more than nothing unless
 * `orZero` is set, and at most 24.8 days.
 */
export const DurationSetting = (options: { default: string; description: string; orZero?: boolean }) =>
  Type.Codec(Type.String(options))
    .Decode((text) => parseDuration(text) ?? Number.NaN)
    .Encode((length) => `${length}ms`)

/** A setting whose value must never be shown: errors name it, and nothing more. */
export const SecretSetting = (options: { description: string }) => Type.String({ ...options, secret: true })

/**
 * Reads and validates settings from the environment. An empty variable counts as absent, because compose files and
 * Kubernetes manifests write absent ones that way.
 *
 * @throws {SettingsError} listing every variable that is missing or wrong; values of secrets are not repeated
 */
export function readSettings<S extends TObject>(schema: S, env: Environment): StaticDecode<S> {
  const problems: string[] = []
  const settings: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(schema.properties)) {
    const text = env[name]
    const value = text ? fromText(property, text) : Value.Default(property, undefined)
    if (value === undefined) {
      if (schema.required?.includes(name)) problems.push(`${name} is not set`)
      continue
    }
    settings[name] = value
    const problem = problemOf(property, value)
    if (problem)
      problems.push(`${name} ${problem}${'secret' in property ? '' : ` (got ${JSON.stringify(text)})`}`)
  }
  if (problems.length > 0) throw new SettingsError(problems)
  return Value.Decode(schema, settings)
}

/** What a text stands for. One that is not of the type stays a text, which the schema then refuses. */
function fromText(property: TSchema, text: string): unknown {
  const type = 'type' in property ? property.type : undefined
  if (type === 'boolean') return BOOLEANS.get(text.toLowerCase()) ?? text
  const isNumber =
    type === 'integer' ? /^-?\d+$/.test(text) : type === 'number' && /^-?\d+(\.\d+)?$/.test(text)
  return isNumber ? Number(text) : text
}

const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
])

function problemOf(property: TSchema, value: unknown): string | undefined {
  if ('~codec' in property && typeof value === 'string') return durationProblem(value, 'orZero' in property)
  const [issue] = Value.Errors(property, value)
  if (issue?.keyword === 'enum') return `must be one of ${issue.params.allowedValues.join(', ')}`
  return issue?.message
}

function durationProblem(text: string, orZero: boolean): string | undefined {
  const length = parseDuration(text)
  if (length === undefined) return 'must be a duration with a unit such as 250ms, 5s or 30m'
  if (length === 0 && !orZero) return 'must be longer than nothing'
  return length > LONGEST_MS ? `must be at most ${LONGEST}` : undefined
}

/** Every setting that is missing or wrong, in one message, so that a start does not fail once for each. */
export class SettingsError extends Error {
  readonly code = 'LOCKSTEP_SETTINGS_INVALID'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The environment is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.name = 'SettingsError'
    this.problems = problems
  }
}
