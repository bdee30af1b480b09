import { tableInReadme } from '@lockstep/testing'
import { test } from 'tap'
import { openKeys, openMessages } from '../src/index.ts'
import { openBoth } from './links.ts'
import { callsOf, KEYS, openAll } from './structures.ts'

const readme = new URL('../README.md', import.meta.url)

await test('the README names every method of a structure, and the commands that it costs', async (t) => {
  const { link, raw } = await openBoth(t)
  const keys = openKeys(link, { prefix: 'shop' })
  const drain = async () => {
    for await (const _ of keys.scan('*'));
  }
  const calls = {
    ...callsOf(openAll(link)),
    keys: {
      scan: drain,
      removeByPrefix: () => keys.removeByPrefix('list:'),
      flush: () => keys.flush({ confirm: 'shop' }),
    },
  }
  // Servers know the scripts from here on.
  for (const methods of Object.values(calls)) for (const call of Object.values(methods)) await call()

  const measured: [string, string][] = []
  for (const [kind, methods] of Object.entries(calls)) {
    for (const [method, call] of Object.entries(methods)) {
      await raw.flushall()
      await raw.rpush(KEYS.list, '"a"', '"b"')
      await raw.config('RESETSTAT')
      await call()
      measured.push([`${kind}.${method}`, costs(await raw.info('commandstats'))])
    }
  }
  const written = tableInReadme(readme, 'Structures').map(([cell = '', commands = '']): [string, string] => [
    cell.replace(/\(.*/, ''),
    commands.startsWith('Lua: ') ? `Lua: ${sorted(commands.slice(5))}` : sorted(commands),
  ])
  t.same(Object.fromEntries(written), Object.fromEntries(measured))
  t.equal(written.length, measured.length)
  const all = { ...openAll(link), keys }
  const names = Object.entries(all).flatMap(([kind, of]) => Object.keys(of).map((name) => `${kind}.${name}`))
  t.same(written.map(([name]) => name).toSorted(), names.toSorted())
})

await test('the README names everything that messages do', async (t) => {
  const { link, logger } = await openBoth(t)
  const written = tableInReadme(readme, 'Messages').map(([cell = '']) => cell.replace(/\(.*/, ''))
  t.same(written.toSorted(), Object.keys(openMessages(link, { logger })).toSorted())
})

/** The commands that were carried out, each once, in order of the alphabet; marked when one script did. */
function costs(stats: string): string {
  const all = [...stats.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].map(([, name = '', calls]) => ({
    name,
    calls,
  }))
  const ours = all.filter(({ name }) => !['ping', 'info', 'config', 'client'].includes(name))
  const scripts = ours.filter(({ name }) => name.startsWith('eval'))
  const commands = ours.filter(({ name }) => !name.startsWith('eval')).map(({ name }) => name.toUpperCase())
  if (scripts.length === 0)
    return ours.every(({ calls }) => calls === '1') ? sorted(commands.join(', ')) : 'several'
  return scripts.length === 1 && scripts[0]?.calls === '1'
    ? `Lua: ${sorted(commands.join(', '))}`
    : 'several scripts'
}

function sorted(names: string): string {
  return names.split(', ').toSorted().join(', ')
}
