import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Script } from '@lockstep/redis'
import type { Kind } from './tiers.ts'

const read = (file: string) => readFileSync(new URL(`./lua/${file}.lua`, import.meta.url), 'utf8')

/**
 * A script in parts: the first line of its kind, which tells Redis what it may do, the clock, the policy's tiers, the rest of
 * its kind, and the batch.
 *
 * @param clock another clock, for tests of what a server's clock can do
 */
export function limitScript(kind: Kind, clock = read('clock')): Script<unknown> {
  const body = read(kind)
  const firstLine = body.indexOf('\n') + 1
  const lua = [body.slice(0, firstLine), clock, read('tiers'), body.slice(firstLine), read('batch')].join('')
  return { name: kind, lua, sha1: createHash('sha1').update(lua).digest('hex'), decode: (reply) => reply }
}

const scripts = {
  sliding: limitScript('sliding'),
  exact: limitScript('exact'),
  smooth: limitScript('smooth'),
}

export const scriptOf = (kind: Kind): Script<unknown> => scripts[kind]
