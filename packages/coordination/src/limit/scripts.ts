import { readFileSync } from 'node:fs'
import { composeScript, type Script } from '@lockstep/redis'
import type { Kind } from './tiers.ts'

const read = (file: string) => readFileSync(new URL(`./lua/${file}.lua`, import.meta.url), 'utf8')

/**
 * A script in parts: the first line of its kind, which tells Redis what it may do, the clock, a short way for what `sliding`
 * is asked for most, the policy's tiers, the rest of its kind, and the batch.
 *
 * @param clock another clock, for tests of what a server's clock can do
 */
export function limitScript(kind: Kind, clock = read('clock')): Script<unknown> {
  const short = kind === 'sliding' ? read('sliding-short') : ''
  const prelude = clock + read('reply') + short + read('tiers')
  const text = { body: read(kind), prelude, ending: read('batch') }
  return composeScript(kind, text, (reply) => reply)
}

const scripts = {
  sliding: limitScript('sliding'),
  exact: limitScript('exact'),
  smooth: limitScript('smooth'),
}

export const scriptOf = (kind: Kind): Script<unknown> => scripts[kind]
