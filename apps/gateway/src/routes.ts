import { segmentsOf } from './paths.ts'

/** The addresses that the gateway answers itself, whatever the prefixes of services say. */
const OWN = ['/livez', '/startupz', '/readyz', '/health', '/docs']

/** A service and the prefixes that are its own. */
export interface Routed {
  readonly name: string
  readonly prefixes: readonly string[]
}

/** The prefix under which a service is there as a whole; it is taken away before the service is asked. */
const wholeOf = (service: string): string => `/services/${service}`

/** `/books` stands for itself and for everything below it. */
const below = (prefix: string) => (prefix === '/' ? ['/*'] : [prefix, `${prefix}/*`])

/** The routes of the gateway to a service: its prefixes, and all of it under `/services/<name>`. */
export function routesTo({ name, prefixes }: Routed): { readonly url: string; readonly strip: number }[] {
  const whole = wholeOf(name)
  return [
    ...prefixes.flatMap(below).map((url) => ({ url, strip: 0 })),
    ...below(whole).map((url) => ({ url, strip: segmentsOf(whole) })),
  ]
}

/** Where a path of a service is reached: as it is when the longest prefix that fits is the service's, or below its own. */
export function publicPath(services: readonly Routed[], service: string, path: string): string {
  const owner = services
    .flatMap(({ name, prefixes }) => prefixes.map((prefix) => ({ name, prefix })))
    .filter(({ prefix }) => isBelow(path, prefix))
    .toSorted((a, b) => b.prefix.length - a.prefix.length)[0]
  const own = owner?.name === service && !OWN.some((prefix) => isBelow(path, prefix))
  return own ? path : wholeOf(service) + path
}

const isBelow = (path: string, prefix: string): boolean =>
  prefix === '/' || path === prefix || path.startsWith(`${prefix}/`)
