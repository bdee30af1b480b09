import { test } from 'tap'
import { findRedisServer, type RunResult, type Surroundings, strategies } from '../src/index.ts'

/** A machine on which commands are scripted: by the start of their line, the first that fits. */
function machine(
  script: Record<string, RunResult>,
  files: string[],
  rest: Partial<Surroundings> = {},
): { here: Partial<Surroundings>; ran: string[]; said: string[] } {
  const ran: string[] = []
  const said: string[] = []
  const here: Partial<Surroundings> = {
    platform: 'linux',
    uid: 1000,
    env: { PATH: '/usr/local/bin:/usr/bin' },
    keep: '/keep',
    fileExists: (path) => files.includes(path),
    report: (line) => void said.push(line),
    run: async (command, args) => {
      const line = [command, ...args].join(' ')
      ran.push(line)
      const answer = Object.entries(script).find(([start]) => line.startsWith(start))
      return answer?.[1] ?? { code: 127, output: `${command}: not found` }
    },
    ...rest,
  }
  return { here, ran, said }
}

const ok = (output = ''): RunResult => ({ code: 0, output })
const version = (text: string): RunResult =>
  ok(`Redis server v=${text} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64`)

await test('the one on the PATH comes first, and nothing else is tried', async (t) => {
  const { here, ran } = machine({ '/usr/bin/redis-server': version('7.2.4') }, ['/usr/bin/redis-server'])
  const found = await findRedisServer(here)
  t.equal(found.description, 'redis-server 7.2.4 (/usr/bin/redis-server)')
  t.same(found.launch(6400, ['--save', '']), {
    command: '/usr/bin/redis-server',
    args: ['--port', '6400', '--bind', '127.0.0.1', '--save', ''],
  })
  t.same(ran, ['/usr/bin/redis-server --version'])
})

await test('one that is too old is named, and the search goes on', async (t) => {
  const files = ['/usr/local/bin/redis-server', '/usr/bin/redis-server']
  const script = {
    '/usr/local/bin/redis-server': version('6.0.16'),
    '/usr/bin/redis-server': version('7.0.15'),
  }
  t.match((await findRedisServer(machine(script, files).here)).description, '7.0.15')
  const alone = machine(script, files.slice(0, 1))
  await t.rejects(findRedisServer(alone.here), {
    code: 'REDIS_NOT_FOUND',
    message: /is Redis 6\.0\.16; 7\.0 or newer/,
  })
  t.match(alone.said, [/6\.0\.16/])
})

await test('apt-get is used by root, without starting a service', async (t) => {
  const files = ['/usr/bin/apt-get']
  const script = {
    'env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get': ok(),
    '/usr/bin/redis-server': version('7.0.15'),
  }
  const { here, ran, said } = machine(script, files, { uid: 0 })
  await findRedisServer(here)
  t.match(ran[0], / apt-get update/)
  t.match(ran[1], / apt-get install .*--no-install-recommends redis-server/)
  t.equal(ran.length, 3)
  t.match(said, [/apt-get/])
})

await test('apt-get is used through sudo when it asks for no password', async (t) => {
  const files = ['/usr/bin/apt-get', '/run/systemd/system']
  const { here, ran } = machine({ sudo: ok(), '/usr/bin/redis-server': version('7.0.15') }, files)
  await findRedisServer(here)
  t.equal(ran[0], 'sudo -n true')
  t.match(ran[1], /^sudo -n env .* apt-get update/)
  t.ok(
    ran.some((line) => line.endsWith('systemctl disable --now redis-server')),
    'the service it brings is switched off',
  )
})

await test('a service that was there before is left alone', async (t) => {
  const files = ['/usr/bin/apt-get', '/run/systemd/system', '/etc/init.d/redis-server']
  const { here, ran } = machine({ env: ok(), '/usr/bin/redis-server': version('7.0.15') }, files, { uid: 0 })
  await findRedisServer(here)
  t.notOk(ran.some((line) => line.includes('systemctl')))
})

await test('an install that was cut short is mended and done again', async (t) => {
  const install = 'env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install'
  const interrupted = { code: 100, output: "you must manually run 'dpkg --configure -a'" }
  const { here, ran } = machine(
    { [install]: interrupted, env: ok(), '/usr/bin/redis-server': version('7.0.15') },
    ['/usr/bin/apt-get'],
    { uid: 0 },
  )
  await findRedisServer(here)
  t.equal(ran.filter((line) => line.startsWith(install)).length, 2)
  t.ok(ran.some((line) => line.endsWith('dpkg --configure -a')))
})

await test('macOS uses brew', async (t) => {
  const script = {
    'brew --version': ok('Homebrew 4'),
    'brew install': ok(),
    'brew --prefix': ok('/opt/homebrew/opt/redis\n'),
    '/opt/homebrew/opt/redis/bin/redis-server': version('8.2.1'),
  }
  t.match((await findRedisServer(machine(script, [], { platform: 'darwin' }).here)).description, '8.2.1')
})

await test('M3 a container engine counts when its daemon answers', async (t) => {
  const script = {
    'docker info': { code: 1, output: 'Cannot connect' },
    'podman info': ok(),
    'podman pull': ok(),
  }
  const { here, ran } = machine(script, [])
  const found = await findRedisServer(here)
  t.ok(ran.some((line) => line.startsWith('podman pull')))
  const { command, args } = found.launch(6400, ['--save', ''])
  t.equal(command, 'podman')
  t.match(
    args.join(' '),
    /^run --rm --publish 127\.0\.0\.1:6400:6379 .*redis:7-alpine redis-server .*--save $/,
  )
})

await test('what redis-memory-server built is built once', async (t) => {
  const script = {
    'make --version': ok(),
    'npm --version': ok(),
    'npm exec --yes --package redis-memory-server --': ok('building\n/keep/stable/redis-server\n'),
    '/keep/stable/redis-server': version('8.0.0'),
  }
  const first = machine(script, [])
  t.match((await findRedisServer(first.here)).description, '/keep/stable/redis-server')
  const second = machine(script, ['/keep/stable/redis-server'])
  await findRedisServer(second.here)
  t.notOk(second.ran.some((line) => line.startsWith('npm exec')))
})

await test('with no way open the error says what to type', async (t) => {
  await t.rejects(findRedisServer(machine({}, []).here), {
    code: 'REDIS_NOT_FOUND',
    message: /sudo apt-get install redis-server.*REDIS_URL/,
  })
  await t.rejects(findRedisServer(machine({}, [], { platform: 'darwin' }).here), {
    message: /brew install redis/,
  })
  t.same(
    strategies.map((strategy) => strategy.name),
    ['PATH', 'apt-get', 'brew', 'container engine', 'redis-memory-server'],
  )
})
