import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { freePort, startPostgres, startRedisServer } from '@lockstep/servers'
import { test } from 'tap'
import { clearHome } from '../src/index.ts'
import { Launcher, makeHome } from './launcher.ts'
import { leftOf, stillRunning, treeOf, until } from './processes.ts'

const { home, remove } = makeHome()
const lockFile = join(home, 'postgres/data/postmaster.pid')

async function toldOf(url: string | undefined): Promise<Record<string, unknown>> {
  try {
    const response = await fetch(url ?? '')
    return { ...JSON.parse(await response.text()) }
  } catch {
    return {}
  }
}

function addresses(): Record<string, string> {
  return JSON.parse(readFileSync(join(home, 'fleet.json'), 'utf8'))
}

function logsIn(folder: string): string {
  const files = readdirSync(join(folder, 'logs'))
  return files.map((file) => readFileSync(join(folder, 'logs', file), 'utf8')).join('')
}

function keptSecrets(): Record<string, string> {
  return JSON.parse(readFileSync(join(home, 'secrets.json'), 'utf8'))
}

await test('a fleet starts, looks after its processes, and stops without a trace', async (t) => {
  const launcher = await Launcher.start(home)
  t.teardown(() => launcher.end('SIGKILL'))
  t.ok(await launcher.says('The fleet runs'), launcher.output)

  const { gatewayUrl, redisUrl, databaseUrl } = addresses()
  t.equal(statSync(join(home, 'fleet.json')).mode & 0o777, 0o600)
  t.match(launcher.output, `curl -i ${gatewayUrl}/books/42`)
  t.notMatch(launcher.output, new URL(databaseUrl ?? '').password, 'the password is not shown')

  const gateway = await toldOf(gatewayUrl)
  const [service, other] = JSON.parse(String(gateway['GATEWAY_SERVICES']))
  t.match(service, { name: 'catalog', prefixes: ['/'] })
  t.equal(service.upstreams.length, 2)
  t.match(other, { name: 'activity', prefixes: ['/feed'] })
  t.equal(other.upstreams.length, 1)
  const first = await toldOf(service.upstreams[0])
  t.match(first, { id: 'catalog-1', REDIS_URL: redisUrl, DATABASE_URL: databaseUrl })

  const secrets = keptSecrets()
  t.match(first, {
    NODE_ENV: 'production',
    TOKEN_KEY: secrets['TOKEN_KEY'],
    SHOP_URL: gatewayUrl?.replace('localhost', '127.0.0.1'),
    TRUSTED_PROXIES: '127.0.0.1',
    SESSION_COOKIE_SECURE: 'false',
  })
  t.match(await toldOf(other.upstreams[0]), { id: 'activity-1', ADMIN_TOKEN: secrets['ADMIN_TOKEN'] })
  const needless: [Record<string, unknown>, string[]][] = [
    [first, ['ADMIN_TOKEN', 'ADMIN_PASSWORD', 'SESSION_COOKIE_SECRET']],
    [await toldOf(other.upstreams[0]), ['TOKEN_KEY', 'DATABASE_URL']],
    [gateway, ['REDIS_URL', 'DATABASE_URL', 'TRUSTED_PROXIES', ...Object.keys(secrets)]],
  ]
  for (const [told, names] of needless) {
    for (const name of names) t.notOk(name in told, `${String(told['id'])} is not told ${name}`)
  }

  process.kill(Number(first['pid']), 'SIGKILL')
  t.ok(await launcher.says(/catalog-1 is back/), launcher.output)
  t.match(
    launcher.output,
    /catalog-1 \(pid \d+\) was ended by SIGKILL; starting it again in 200 ms \(attempt 1\)/,
  )
  t.match(await toldOf(service.upstreams[0]), { id: 'catalog-1' }, 'at the same address')

  const postgres = Number(readFileSync(lockFile, 'utf8').split('\n')[0])
  process.kill(postgres, 'SIGKILL')
  t.ok(await launcher.says(/postgres is back/), launcher.output)
  t.equal(readFileSync(lockFile, 'utf8').split('\n')[3], new URL(databaseUrl ?? '').port, 'at the same port')

  const second = await Launcher.start(home)
  t.ok(
    await second.says(`already running here (pid ${launcher.pid})`.replaceAll(/[()]/g, '\\$&')),
    second.output,
  )
  t.equal(await second.ended(), 1)
  await t.rejects(clearHome(home), {
    code: 'FLEET_ALREADY_RUNNING',
    message: new RegExp(`pid ${launcher.pid}`),
  })
  t.match(await toldOf(gatewayUrl), { id: 'gateway' }, 'the running fleet is undisturbed')

  const tree = treeOf(launcher.pid)
  t.ok(tree.length > 8)
  t.equal(await launcher.end('SIGINT'), 0)
  t.match(launcher.output, /Stopped\.\n$/)
  t.same(await leftOf(tree, 0), [], 'all are gone by the time it says so')
  t.notOk(existsSync(lockFile))
})

await test('a second start has the same ports and data, and a crash of the launcher leaves nothing', async (t) => {
  const before = addresses()
  const launcher = await Launcher.start(home)
  t.ok(await launcher.says('The fleet runs'), launcher.output)
  t.equal(addresses()['redisUrl'], before['redisUrl'])
  t.equal(addresses()['databaseUrl'], before['databaseUrl'])
  t.same(await leftOf(await launcher.crash()), [])
  t.notOk(existsSync(lockFile), 'not even the lock file of Postgres')
})

await test('secrets are made up once, kept for their owner alone, and never shown', async (t) => {
  const before = keptSecrets()
  for (const name of ['secrets.json', 'admin.env']) {
    t.equal(statSync(join(home, name)).mode & 0o777, 0o600, name)
    chmodSync(join(home, name), 0o644)
  }
  const given = { TOKEN_KEY: 'k'.repeat(32), ADMIN_PASSWORD: "it's mine, all of it" }
  const launcher = await Launcher.start(home, [], given)
  t.teardown(() => launcher.end('SIGKILL'))
  t.ok(await launcher.says('The fleet runs'), launcher.output)
  t.same(keptSecrets(), before, 'those of the environment are not written down')
  const shown = launcher.output + logsIn(home)
  for (const secret of [...Object.values(before), ...Object.values(given)]) {
    if (secret !== before['ADMIN_EMAIL']) t.notOk(shown.includes(secret))
  }
  const { upstreams } = JSON.parse(String((await toldOf(addresses()['gatewayUrl']))['GATEWAY_SERVICES']))[0]
  t.match(await toldOf(upstreams[0]), { TOKEN_KEY: given.TOKEN_KEY }, 'the environment comes first')

  const line = `. ${join(home, 'admin.env')}`
  t.match(launcher.output, line)
  const shell = spawnSync('sh', ['-c', `${line}; echo "$ADMIN_TOKEN $ADMIN_EMAIL $ADMIN_PASSWORD"`], {
    env: {},
  })
  t.equal(String(shell.stdout), `${before['ADMIN_TOKEN']} ${before['ADMIN_EMAIL']} \n`)
  for (const name of ['secrets.json', 'admin.env']) t.equal(statSync(join(home, name)).mode & 0o777, 0o600)
  t.equal(await launcher.end(), 0)

  const kept = readFileSync(join(home, 'secrets.json'))
  writeFileSync(join(home, 'secrets.json'), '{')
  const broken = await Launcher.start(home)
  t.ok(await broken.says('does not hold the secrets of a fleet'), broken.output)
  t.equal(await broken.ended(), 1)
  writeFileSync(join(home, 'secrets.json'), kept)
})

await test('a start right after a crash waits for what is still shutting down', async (t) => {
  const crashed = await Launcher.start(home)
  t.ok(await crashed.says('The fleet runs'), crashed.output)
  const tree = await crashed.crash()
  const next = await Launcher.start(home)
  t.ok(await next.says('The fleet runs'), next.output)
  t.equal(await next.end(), 0)
  t.same(await leftOf(tree), [])
})

await test('reset removes data and logs, and says so', async (t) => {
  const removed = ['postgres', 'logs', 'fleet.json', 'secrets.json', 'admin.env']
  t.same(
    await clearHome(home),
    removed.map((name) => join(home, name)),
  )
  t.same(readdirSync(home), [])
  t.same(await clearHome(home), [])
})

await test('a replica that crashes again and again fails the start, with its last words', async (t) => {
  const launcher = await Launcher.start(home, ['crash.ts'])
  t.ok(await until(() => launcher.child.exitCode !== null, 60_000))
  t.equal(launcher.child.exitCode, 1)
  t.match(launcher.output, /catalog-\d \(pid \d+\) ended with code 4, and was never ready/)
  t.match(launcher.output, /the reason why it crashes/)
  t.same(await leftOf(treeOf(launcher.pid), 0), [])
  t.notOk(existsSync(lockFile))
})

await test('a Redis and a Postgres that are given are used, not shown, not kept and not stopped', async (t) => {
  const [redis, postgres] = await Promise.all([
    startRedisServer({ args: ['--requirepass', 'secret'] }),
    startPostgres(),
  ])
  t.teardown(() => Promise.all([redis.stop(), postgres.stop()]))
  const given = { REDIS_URL: `redis://:secret@127.0.0.1:${redis.port}`, DATABASE_URL: postgres.url }
  const launcher = await Launcher.start(home, [], given)
  t.ok(await launcher.says('The fleet runs'), launcher.output)
  t.match(launcher.output, `redis://:***@127.0.0.1:${redis.port}`)
  t.notMatch(launcher.output, /secret/)
  t.notMatch(launcher.output, new URL(postgres.url).password)
  t.same(Object.keys(addresses()), ['gatewayUrl', 'replicas'])
  t.equal(await launcher.end(), 0)
  t.same(stillRunning([redis.pid, postgres.pid]), [redis.pid, postgres.pid])
})

await test('a taken port gives way to the next, and that is said', async (t) => {
  const port = await freePort()
  const holder = createServer().listen(port, '127.0.0.1')
  t.teardown(() => holder.close())
  const launcher = await Launcher.start(home, [], { PORT: String(port) })
  t.ok(await launcher.says('The fleet runs'), launcher.output)
  t.match(launcher.output, new RegExp(`Gateway on http://localhost:\\d+, as port ${port} is taken`))
  t.not(addresses()['gatewayUrl'], `http://localhost:${port}`)
  t.equal(await launcher.end(), 0)
})

await test('what cannot be is refused in one clear line', async (t) => {
  for (const wrong of [
    { REPLICAS: '0' },
    { REPLICAS: '33' },
    { REPLICAS: 'many' },
    { SERVICE_REPLICAS: '0' },
    { PORT: 'x' },
    { REDIS_URL: 'x' },
  ]) {
    const launcher = await Launcher.start(home, [], wrong)
    await until(() => launcher.child.exitCode !== null)
    t.equal(launcher.child.exitCode, 1)
    t.match(launcher.output, Object.keys(wrong)[0])
  }
})

await test('clear up', async () => remove())
