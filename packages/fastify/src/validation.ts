import { Ajv, type Options } from 'ajv'
import formats from 'ajv-formats'
import type { FastifyInstance } from 'fastify'

/** A format that a service adds to JSON Schema's own, by name. */
export type Formats = Readonly<Record<string, (text: string) => boolean>>

/**
 * How requests are checked. What comes in an address is text, so it is converted to the type that the schema wants, and
 * unknown parameters are dropped. A JSON body has types of its own: it is taken as it is, or refused.
 */
export function useValidation(app: FastifyInstance, own: Formats = {}): void {
  const common: Options = { useDefaults: true, multipleOfPrecision: 6 }
  const address = withFormats(new Ajv({ ...common, coerceTypes: true, removeAdditional: 'all' }), own)
  const body = withFormats(new Ajv(common), own)
  app.setValidatorCompiler<object>(({ schema, httpPart }) =>
    (httpPart === 'body' ? body : address).compile(schema),
  )
}

function withFormats(ajv: Ajv, own: Formats): Ajv {
  formats.default(ajv)
  for (const [name, check] of Object.entries(own)) ajv.addFormat(name, check)
  return ajv
}
