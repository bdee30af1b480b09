import type { TObject, TSchema } from 'typebox'
import { LONGEST } from './settings.ts'

/** A setting as people read of it. */
export interface SettingRow {
  readonly name: string
  /** As it is written in an environment; undefined when there is none. */
  readonly default: string | undefined
  readonly required: boolean
  /** Errors and logs never show it. */
  readonly secret: boolean
  /** What values it may have. */
  readonly bounds: string
  readonly description: string
}

/** What a schema says of its settings, in its order, for a table. */
export function settingRows(schema: TObject): SettingRow[] {
  return Object.entries(schema.properties).map(([name, property]) => ({
    name,
    default: 'default' in property ? String(property.default) : undefined,
    required: !('default' in property) && (schema.required ?? []).includes(name),
    secret: 'secret' in property,
    bounds: boundsOf(property),
    description: 'description' in property ? String(property.description) : '',
  }))
}

function boundsOf(property: TSchema): string {
  if ('~codec' in property)
    return `a duration ${'orZero' in property ? 'from 0' : 'above 0'}, up to ${LONGEST}`
  if ('enum' in property && Array.isArray(property.enum)) return property.enum.join(', ')
  if ('type' in property && property.type === 'boolean') return 'true, false'
  if ('type' in property && (property.type === 'integer' || property.type === 'number')) {
    const { minimum, maximum } = limitsOf(property)
    const whole = property.type === 'integer' ? 'a whole number' : 'a number'
    if (minimum === undefined) return maximum === undefined ? whole : `${whole} up to ${maximum}`
    return maximum === undefined ? `${whole} from ${minimum}` : `${minimum} to ${maximum}`
  }
  return 'pattern' in property ? `a text like ${String(property.pattern)}` : 'a text'
}

const numeric = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

function limitsOf(property: TSchema): { minimum?: number; maximum?: number } {
  const minimum = numeric('minimum' in property ? property.minimum : undefined)
  const maximum = numeric('maximum' in property ? property.maximum : undefined)
  return {
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  }
}
