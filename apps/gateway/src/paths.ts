/**
 * The path of a request target. The absolute form must be accepted (RFC 9112, 3.2.2), and `*` means the server itself. A
 * backslash is turned into a slash by URL parsers, after all checks: it is encoded here, so that it stays what it is.
 */
export function pathOf(target: string): string {
  const path = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '')
  return path.startsWith('/') ? path.replaceAll('\\', '%5C') : `/${path === '*' ? '' : path}`
}

/**
 * Whether a path would name another one to somebody who resolves its dots, be they or the slashes around them encoded.
 * Nobody behind the gateway does; such a path means different things to different programs, so it is not passed on.
 */
export function isAmbiguous(path: string): boolean {
  return path
    .replaceAll(/%2e/gi, '.')
    .split(/\/|%2f/i)
    .some((segment) => segment === '.' || segment === '..')
}

/** What is left of a path without its first segments. An encoded slash separates nothing, for routers neither. */
export function withoutSegments(path: string, count: number): string {
  return `/${path
    .split('/')
    .slice(1 + count)
    .join('/')}`
}

/** How many segments a prefix has: `/services/users` has two. */
export const segmentsOf = (prefix: string): number => prefix.split('/').length - 1

/** The two sides of the first separator. */
export function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
