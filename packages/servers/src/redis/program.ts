import type { RedisServer, Surroundings } from './strategy.ts'

/** Sharded pub/sub, functions and the INFO fields we read came with 7.0. */
const oldest = { major: 7, text: '7.0' }

/** The redis-server at this path, or in one line why it will not do. */
export async function programAt(
  here: Surroundings,
  path: string,
): Promise<RedisServer | { readonly failed: string }> {
  const { code, output } = await here.run(path, ['--version'], { signal: here.signal, deadline: 10_000 })
  const version = /v=(\d+)(\.\d+)*/.exec(output)
  if (code !== 0 || !version) return { failed: `${path} --version does not answer` }
  const text = version[0].slice(2)
  if (Number(version[1]) < oldest.major) {
    return { failed: `${path} is Redis ${text}; ${oldest.text} or newer is needed` }
  }
  return {
    description: `redis-server ${text} (${path})`,
    path,
    launch: (port, settings) => ({
      command: path,
      args: ['--port', String(port), '--bind', '127.0.0.1', ...settings],
    }),
  }
}

/** Every redis-server on the PATH, in its order. */
export function programsOnPath(here: Surroundings): string[] {
  return (here.env['PATH'] ?? '')
    .split(':')
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => `${folder.replace(/\/+$/, '')}/redis-server`)
    .filter((path, index, all) => all.indexOf(path) === index && here.fileExists(path))
}
