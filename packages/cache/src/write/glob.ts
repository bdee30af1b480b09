import { DefinitionError } from '../errors.ts'

/** A glob over the names of entries, as Redis writes them: `*`, `?`, `[a-z]`, `[^a-z]`, and a backslash before a literal one. */
export interface Glob {
  /** What every name that matches begins with. */
  readonly literal: string
  readonly matches: (name: string) => boolean
}

/** What one character of a name must be; or any number of them, whatever they are. */
type Part = ((character: string) => boolean) | 'star'

const TOKEN = /\*+|\?|\\.?|\[\^?(?:\\.|[^\\\]])*\]?|./gsu
const CLASS = /^\[(?:(\^)|(?!\^))((?:\\.|[^\\\]])+)\]$/su

/**
 * Reads a glob. Names are matched here and not by Redis, whose matcher takes exponential time for some patterns
 * (CVE-2022-36021): this one goes back to its last star alone, so a name costs its length times that of the glob at most.
 *
 * @throws {DefinitionError} when a `[` is empty or never closed, or nothing follows a backslash
 */
export function globOf(text: string): Glob {
  const parts: Part[] = []
  let literal = ''
  let open = false
  for (const [token] of text.matchAll(TOKEN)) {
    const exact = exactly(token)
    if (exact === undefined) open = true
    else if (!open) literal += exact
    parts.push(exact === undefined ? partOf(text, token) : (character) => character === exact)
  }
  return { literal, matches: (name) => matches(parts, Array.from(name)) }
}

/** The character that a token stands for, when it stands for one alone. */
function exactly(token: string): string | undefined {
  if (token.startsWith('\\')) return Array.from(token)[1]
  return /^[*?[]/.test(token) ? undefined : token
}

function partOf(text: string, token: string): Part {
  if (token.startsWith('*')) return 'star'
  if (token === '?') return () => true
  const [, not, members] = CLASS.exec(token) ?? []
  if (members === undefined) {
    throw new DefinitionError(`${JSON.stringify(text)} is not a pattern: ${token} is not complete`)
  }
  const ranges = Array.from(members.matchAll(/(\\.|.)(?:-(\\.|.))?/gsu), ([, from = '', to = from]) =>
    [last(from), last(to)].toSorted((a, b) => a - b),
  )
  return (character) => {
    const code = last(character)
    return ranges.some(([from = 0, to = 0]) => from <= code && code <= to) === (not === undefined)
  }
}

const last = (text: string): number => Array.from(text).at(-1)?.codePointAt(0) ?? 0

function matches(parts: readonly Part[], name: readonly string[]): boolean {
  let part = 0
  let at = 0
  let star = -1
  let taken = 0
  while (at < name.length) {
    const fits = parts[part]
    if (fits === 'star') {
      star = part++
      taken = at
    } else if (fits?.(name[at] ?? '')) {
      part++
      at++
    } else if (star >= 0) {
      part = star + 1
      at = ++taken
    } else return false
  }
  while (parts[part] === 'star') part++
  return part === parts.length
}
