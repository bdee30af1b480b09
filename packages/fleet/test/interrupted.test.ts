import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { Launcher, makeHome } from './launcher.ts'
import { leftOf, treeOf } from './processes.ts'

const moments = ['✓ Found', '✓ Redis', '✓ Postgres', '✓ Database', '✓ Replicas ready', 'The fleet runs']

for (const [index, moment] of moments.entries()) {
  const signal = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const)[index % 3] ?? 'SIGINT'
  await test(`${signal} just after "${moment}" stops everything`, async (t) => {
    const { home, remove } = makeHome()
    t.teardown(remove)
    const launcher = await Launcher.start(home)
    t.ok(await launcher.says(moment), launcher.output)
    const tree = treeOf(launcher.pid)
    t.equal(await launcher.end(signal), 0)
    t.match(launcher.output, /Stopped\.\n$/)
    t.same(await leftOf(tree, 0), [])
    t.notOk(existsSync(join(home, 'postgres/data/postmaster.pid')))
  })

  await test(`a kill just after "${moment}" leaves nothing`, async (t) => {
    const { home, remove } = makeHome()
    t.teardown(remove)
    const launcher = await Launcher.start(home)
    t.ok(await launcher.says(moment), launcher.output)
    t.same(await leftOf(await launcher.crash()), [])
    t.notOk(existsSync(join(home, 'postgres/data/postmaster.pid')))
  })
}

await test('a second Ctrl-C ends everything at once', async (t) => {
  const { home, remove } = makeHome()
  t.teardown(remove)
  const launcher = await Launcher.start(home)
  t.ok(await launcher.says('The fleet runs'), launcher.output)
  const tree = treeOf(launcher.pid)
  launcher.child.kill('SIGINT')
  t.ok(await launcher.says('Stopping'))
  await launcher.end('SIGINT')
  t.same(await leftOf(tree), [])
})
