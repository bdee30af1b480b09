/**
 * Whether the client has this very representation already, by `If-None-Match` (RFC 9110, 13.1.2): a list of tags or `*`,
 * compared weakly, so that `W/"a"` and `"a"` are the same.
 */
export function hasAlready(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch === etag || ifNoneMatch.trim() === '*') return true
  const opaque = withoutWeak(etag)
  return ifNoneMatch.match(/(?:W\/)?"[^"]*"/g)?.some((tag) => withoutWeak(tag) === opaque) ?? false
}

const withoutWeak = (tag: string): string => (tag.startsWith('W/') ? tag.slice(2) : tag)
