import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'

const Named = Type.Record(Type.String(), Type.Unknown())

/** The parts of an OpenAPI document that merging looks at. */
export const OpenApi = Type.Object({
  openapi: Type.String({ pattern: String.raw`^3\.` }),
  info: Type.Optional(
    Type.Object({ title: Type.Optional(Type.String()), description: Type.Optional(Type.String()) }),
  ),
  paths: Type.Optional(Type.Record(Type.String(), Named)),
  components: Type.Optional(Type.Record(Type.String(), Named)),
  security: Type.Optional(Type.Unknown()),
})
export type OpenApi = Static<typeof OpenApi>

const compiled = Compile(OpenApi)

/** @returns undefined for what is none */
export const asOpenApi = (value: unknown): OpenApi | undefined => (compiled.Check(value) ? value : undefined)
