import { readFileSync } from 'node:fs'
import { composeScript, type Script } from '@lockstep/redis'

/** A script with what its header says that it takes, which a test holds against the file. */
export interface SessionScript<Reply> extends Script<Reply> {
  readonly keys: string
  readonly args: string
}

/** What a script found of a record, and then its fields; one that is not there is undefined. */
export type Found = readonly (string | undefined)[]

const textOf = (file: string) => readFileSync(new URL(`./lua/${file}.lua`, import.meta.url), 'utf8')
const prelude = textOf('prelude')

function script<Reply>(
  name: string,
  keys: string,
  args: string,
  decode: (reply: unknown) => Reply,
): SessionScript<Reply> {
  return { ...composeScript(name, { body: textOf(name), prelude }, decode), keys, args }
}

const list = (reply: unknown): unknown[] => (Array.isArray(reply) ? reply : [])
const texts = (reply: unknown): string[] => list(reply).map(String)
const found = (reply: unknown): Found =>
  list(reply).map((field) => (typeof field === 'string' ? field : undefined))

export const read = script('read', 'record user', 'reference idle', found)
export const begin = script(
  'begin',
  'record user [replaced]',
  'reference user generation idle absolute most agent data publish channel [replaced]',
  texts,
)
export const save = script('save', 'record user', 'reference idle data', String)
export const end = script('end', 'record user', 'reference user rotated publish channel', String)
export const endAll = script('end-all', 'user', 'absolute publish channel user', texts)
export const generation = script('generation', 'user', 'absolute', String)
export const index = script('index', 'user', '', texts)
export const describe = script('describe', 'user record...', 'reference...', (reply) =>
  list(reply).map(found),
)
