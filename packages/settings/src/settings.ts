import Type, { type StaticDecode, type TObject } from 'typebox'
import Value from 'typebox/value'
import { parseDuration } from './duration.ts'

/** Where settings come from: `process.env`, or an object of the same shape in a test. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A setting that holds a length of time, written `5s` or `250ms`, read as milliseconds. */
export const DurationSetting = (options: { default: string; description: string }) =>
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
  const given = Object.fromEntries(
    Object.keys(schema.properties).flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  )
  const candidate = Value.Convert(schema, Value.Default(schema, given))
  const problems = [...schemaProblems(schema, candidate, env), ...durationProblems(schema, candidate)]
  if (problems.length > 0) throw new SettingsError(problems)
  return Value.Decode(schema, candidate)
}

function schemaProblems(schema: TObject, candidate: unknown, env: Environment): string[] {
  const problems = new Map<string, string>()
  for (const { keyword, instancePath, message, params } of Value.Errors(schema, candidate)) {
    const missing = keyword === 'required' && 'requiredProperties' in params
    const names = missing ? params.requiredProperties : [instancePath.slice(1)]
    for (const name of names) {
      if (problems.has(name)) continue
      problems.set(
        name,
        missing ? `${name} is not set` : `${name} ${message}${shown(schema, name, env[name])}`,
      )
    }
  }
  return [...problems.values()]
}

function durationProblems(schema: TObject, candidate: unknown): string[] {
  const values: Record<string, unknown> = { ...(candidate instanceof Object ? candidate : {}) }
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const text = values[name]
    const isDuration = '~codec' in property && typeof text === 'string'
    if (!isDuration || parseDuration(text) !== undefined) return []
    return [`${name} must be a duration with a unit such as 250ms, 5s or 30m (got ${JSON.stringify(text)})`]
  })
}

function shown(schema: TObject, name: string, value: string | undefined): string {
  const property = schema.properties[name]
  const hidden = property !== undefined && 'secret' in property
  return hidden || value === undefined ? '' : ` (got ${JSON.stringify(value)})`
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
