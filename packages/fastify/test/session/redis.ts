import type { RedisLink } from '@lockstep/redis'

/** Sends one command as it is. */
export const command = (link: RedisLink, name: string, ...args: (string | number)[]): Promise<unknown> =>
  link.run((redis) => redis.callBuffer(name, ...args))

export async function keysIn(link: RedisLink, match: string): Promise<string[]> {
  const found: string[] = []
  for await (const page of link.scan(match)) found.push(...page)
  return found
}

/** The one record there is. */
export async function onlyRecord(link: RedisLink): Promise<string> {
  const [record, ...others] = await keysIn(link, 'shop:*session:*')
  if (record === undefined || others.length > 0) throw new Error(`not one record, but ${others.length + 1}`)
  return record
}

/** How often each command was run since the server started, also inside of scripts. */
async function callsOf(link: RedisLink): Promise<Record<string, number>> {
  const text = (await link.info('commandstats')).join('\n')
  return Object.fromEntries(
    [...text.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)].map(([, name = '', calls]) => [
      name,
      Number(calls),
    ]),
  )
}

/** What was run in between, by command; those that were not are left out. */
export async function callsDuring(link: RedisLink, action: () => Promise<unknown>) {
  const before = await callsOf(link)
  await action()
  const after = await callsOf(link)
  const used = Object.entries(after).map(([name, calls]) => [name, calls - (before[name] ?? 0)] as const)
  return Object.fromEntries(used.filter(([name, calls]) => calls > 0 && !/^(info|ping|cmd)/.test(name)))
}
