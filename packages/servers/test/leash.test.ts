import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { runCommand, spawnLeashed, spawnLeashedNode } from '../src/index.ts'
import { allGone, familyOf, runningProcesses, runs } from './processes.ts'
import { starterOf } from './starter.ts'

const app = fileURLToPath(new URL('./fixtures/app.ts', import.meta.url))

await test('a starter that is killed takes redis-server, Postgres, a Node child and their leashes with it', async (t) => {
  const { starter, pids } = await starterOf('redis,postgres,node,shell')
  const family = Object.values(pids).flatMap(familyOf)
  t.ok(Object.values(pids).every(runs), 'they run before')
  t.equal(Object.keys(pids).length, 4)
  starter.kill('SIGKILL')
  await once(starter, 'exit')
  t.same(await allGone(family), [], 'and none of them after')
})

await test('a leash that is killed takes its server with it', async (t) => {
  const server = await spawnLeashed({ command: 'sleep', args: ['600'] })
  const leash = runningProcesses().find((process) => process.pid === server.pid)?.ppid ?? 0
  const family = familyOf(server.pid)
  t.ok(family.includes(leash))
  process.kill(leash, 'SIGKILL')
  await server.exited
  t.same(await allGone(family), [])
})

await test('a leash that is killed while its starter cannot act takes its server with it, where Linux can', async (t) => {
  const { code } = await runCommand('setpriv', ['--pdeathsig', 'TERM', 'true'])
  const { starter, pids } = await starterOf('redis')
  t.teardown(() => starter.kill('SIGKILL'))
  const server = pids['redis'] ?? 0
  const leash = runningProcesses().find((process) => process.pid === server)?.ppid ?? 0
  starter.kill('SIGSTOP')
  process.kill(leash, 'SIGKILL')
  if (code === 0) t.same(await allGone([server]), [])
  starter.kill('SIGKILL')
  t.same(await allGone([server]), [], 'elsewhere when the starter goes')
})

await test('the leash ends with the status of its server and leaves nothing behind', async (t) => {
  let said = ''
  const onStdout = (chunk: Buffer): void => void (said += chunk.toString())
  const server = await spawnLeashed({
    command: 'sh',
    args: ['-c', 'echo "$1"; exit 7', 'sh', 'a b'],
    onStdout,
  })
  t.same(await server.exited, { code: 7, signal: null })
  t.equal(said, 'a b\n', 'its words are passed on, and no other')
  t.same(await allGone([server.pid]), [])
})

await test('a server that ends by a signal is told from one that exits', async (t) => {
  const server = await spawnLeashed({ command: 'sleep', args: ['600'] })
  const family = familyOf(server.pid)
  process.kill(server.pid, 'SIGKILL')
  t.same(await server.exited, { code: null, signal: 'SIGKILL' })
  t.same(await allGone(family), [])
})

await test('stop sends the stop signal, and SIGKILL after the grace', async (t) => {
  const polite = await spawnLeashed({ command: 'sleep', args: ['600'] })
  t.same(await polite.stop(), { code: null, signal: 'SIGTERM' })
  t.same(await polite.stop(), { code: null, signal: 'SIGTERM' }, 'twice is once')
  const up = Promise.withResolvers<void>()
  const args = ['-c', 'trap "" TERM; echo up; while :; do sleep 1; done']
  const stubborn = await spawnLeashed({ command: 'sh', args, onStdout: () => up.resolve() })
  await up.promise
  const family = familyOf(stubborn.pid)
  t.same(await stubborn.stop({ graceMs: 200 }), { code: null, signal: 'SIGKILL' })
  t.same(await allGone(family), [], 'the helper of the killed one is gone as well')
})

await test('a command that does not exist ends with 127, as in a shell', async (t) => {
  const nothing = await spawnLeashed({ command: '/no/such/server', args: [] })
  t.same(await nothing.exited, { code: 127, signal: null })
})

await test('a leashed Node program drains on stop and can be killed', async (t) => {
  let said = ''
  const up = Promise.withResolvers<void>()
  const onStdout = (chunk: Buffer): void => {
    said += chunk.toString()
    up.resolve()
  }
  const drains = spawnLeashedNode({ entry: app, onStdout })
  await up.promise
  t.same(await drains.stop(), { code: 3, signal: null })
  t.match(said, /draining/)
  const upAgain = Promise.withResolvers<void>()
  const hangs = spawnLeashedNode({ entry: app, args: ['stubborn'], onStdout: () => upAgain.resolve() })
  await upAgain.promise
  t.same(await hangs.stop({ graceMs: 200 }), { code: null, signal: 'SIGKILL' })
})

await test('the preload keeps no program alive', async (t) => {
  const entry = fileURLToPath(new URL('./fixtures/nothing-to-do.ts', import.meta.url))
  t.ok(existsSync(entry))
  t.same(await spawnLeashedNode({ entry }).exited, { code: 0, signal: null })
})

await test('commands that end at once do not leave the leash waiting', async (t) => {
  for (let round = 0; round < 25; round++) {
    const results = await Promise.all([0, 1, 2, 3].map((code) => runCommand('sh', ['-c', `exit ${code}`])))
    if (results.some((result, code) => result.code !== code)) t.fail(JSON.stringify(results))
  }
  t.pass()
})
