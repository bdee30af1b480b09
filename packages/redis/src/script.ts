import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RedisArgument, RedisCommands } from './port.ts'

/** A Lua script as an object: its text, its SHA-1 and how to read its reply. */
export interface Script<Reply> {
  readonly name: string
  readonly lua: string
  readonly sha1: string
  readonly decode: (reply: unknown) => Reply
}

/**
 * A script put together from its own text and what it shares with others.
 *
 * @param text.body the script's own; its first line, which tells Redis what the script may do, stays the first
 * @param text.prelude goes behind that line
 * @param text.ending goes to the end
 * @param decode reads the reply, and throws when it has another shape
 */
export function composeScript<Reply>(
  name: string,
  { body, prelude = '', ending = '' }: { body: string; prelude?: string; ending?: string },
  decode: (reply: unknown) => Reply,
): Script<Reply> {
  const second = body.indexOf('\n') + 1
  const lua = body.slice(0, second) + prelude + body.slice(second) + ending
  return { name, lua, sha1: createHash('sha1').update(lua).digest('hex'), decode }
}

/**
 * Reads a script from its .lua file.
 *
 * @param file usually `new URL('./lua/name.lua', import.meta.url)`
 * @param decode reads the reply, and throws when it has another shape
 */
export function loadScript<Reply>(file: URL, decode: (reply: unknown) => Reply): Script<Reply> {
  const name = file.pathname.split('/').at(-1) ?? file.pathname
  return composeScript(name, { body: readFileSync(file, 'utf8') }, decode)
}

/** Runs a script by its SHA-1, and by its text when the server does not know it (a new server, SCRIPT FLUSH). */
export function runScript<Reply>(
  redis: RedisCommands,
  script: Script<Reply>,
  keys: readonly string[],
  args: readonly RedisArgument[],
): Promise<Reply> {
  return run(
    script,
    () => redis.evalsha(script.sha1, keys.length, ...keys, ...args),
    () => redis.eval(script.lua, keys.length, ...keys, ...args),
  )
}

/** {@link runScript}, where each text of the reply that `decode` gets is a Buffer. */
export function runScriptBuffer<Reply>(
  redis: RedisCommands,
  script: Script<Reply>,
  keys: readonly string[],
  args: readonly RedisArgument[],
): Promise<Reply> {
  return run(
    script,
    () => redis.callBuffer('evalsha', script.sha1, keys.length, ...keys, ...args),
    () => redis.callBuffer('eval', script.lua, keys.length, ...keys, ...args),
  )
}

function run<Reply>(
  script: Script<Reply>,
  bySha1: () => Promise<unknown>,
  byText: () => Promise<unknown>,
): Promise<Reply> {
  return bySha1().then(script.decode, (error) => {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return byText().then(script.decode)
  })
}
