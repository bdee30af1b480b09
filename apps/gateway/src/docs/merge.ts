import type { OpenApi } from './document.ts'
import { isObject, type JsonObject, mapValues, withRefs } from './json.ts'

/** The document of one service. */
export interface Part {
  readonly service: string
  readonly document: OpenApi
}

/** What the gateway says where no service says it. */
const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  session: { type: 'apiKey', in: 'cookie', name: 'session' },
}

/**
 * One OpenAPI document of several. Paths are where the gateway has them. Every component, tag and operation has the name
 * of its service before its own, so that none can be taken for another's; ways to log in are the same for all when they
 * are written the same.
 *
 * @param publicPath where a path of a service is reached
 */
export function merge(
  parts: readonly Part[],
  publicPath: (service: string, path: string) => string,
  info: JsonObject,
): JsonObject {
  const paths: JsonObject = {}
  const components: Record<string, JsonObject> = {}
  const schemes: JsonObject = {}
  for (const { service, document } of parts) {
    const { securitySchemes = {}, ...others } = document.components ?? {}
    const schemeNames = adopt(schemes, securitySchemes, service)
    const refs = (ref: string) =>
      ref.replace(/^#\/components\/(?!securitySchemes\/)([^/]+)\//, `#/components/$1/${service}.`)
    for (const [kind, named] of Object.entries(others)) {
      const own = (components[kind] ??= {})
      for (const [name, value] of Object.entries(named)) own[`${service}.${name}`] = withRefs(value, refs)
    }
    for (const [path, item] of Object.entries(document.paths ?? {})) {
      paths[publicPath(service, path)] = mapValues(item, (operation) =>
        isObject(operation)
          ? ownOperation(withRefs(operation, refs), service, document.security, schemeNames)
          : operation,
      )
    }
  }
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
    components: { ...components, securitySchemes: { ...SECURITY_SCHEMES, ...schemes } },
    paths,
  }
}

/** Adds the ways to log in of a service; gives the names by which they go now. */
function adopt(schemes: JsonObject, own: JsonObject, service: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const [name, scheme] of Object.entries(own)) {
    const same = JSON.stringify(schemes[name]) === JSON.stringify(scheme)
    const now = same || schemes[name] === undefined ? name : `${service}.${name}`
    schemes[now] = scheme
    names.set(name, now)
  }
  return names
}

function ownOperation(
  operation: unknown,
  service: string,
  usual: unknown,
  schemeNames: ReadonlyMap<string, string>,
): unknown {
  if (!isObject(operation)) return operation
  const { tags, operationId, security = usual } = operation
  return {
    ...operation,
    tags: Array.isArray(tags) ? tags.map((tag) => `${service}: ${String(tag)}`) : [service],
    ...(typeof operationId === 'string' ? { operationId: `${service}.${operationId}` } : {}),
    ...(Array.isArray(security) ? { security: security.map((one) => renamed(one, schemeNames)) } : {}),
  }
}

const renamed = (requirement: unknown, names: ReadonlyMap<string, string>): unknown =>
  isObject(requirement)
    ? Object.fromEntries(
        Object.entries(requirement).map(([name, scopes]) => [names.get(name) ?? name, scopes]),
      )
    : requirement
