import { test } from 'tap'
import { startSentinel } from '../src/index.ts'
import { answersPing } from '../src/redis/probe.ts'
import { ask, askText } from '../src/redis/resp.ts'
import { waitUntil } from '../src/wait.ts'
import { allGone, familyOf } from './processes.ts'

await test('sentinels replace a primary that is killed', async (t) => {
  const group = await startSentinel()
  t.teardown(() => group.stop())
  t.equal(group.addresses, group.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(','))
  t.equal(group.sentinels.length, 3)
  const old = await group.primary()
  await ask(old.port, ['SET', 'k', 'v'])
  // WAIT would speak of the writes of its own connection only.
  const copied = async () => {
    const info = await askText(old.port, 'INFO', 'replication')
    const offset = /master_repl_offset:(\d+)/.exec(info)?.[1]
    return offset !== undefined && /slave0:.*,offset=(\d+)/.exec(info)?.[1] === offset
  }
  t.ok(await waitUntil(copied, { within: 60_000 }), 'the replica has it')
  const primary = await group.failover()
  t.not(primary.port, old.port)
  t.equal(await group.primary(), primary)
  t.equal(await ask(primary.port, ['GET', 'k']), 'v')
  t.equal(await ask(primary.port, ['SET', 'k', 'w']), 'OK')
  const families = [...group.sentinels, primary].flatMap(({ pid }) => familyOf(pid))
  await group.stop()
  t.same(await allGone(families), [])
})

await test('a primary that hangs is replaced, and follows when it goes on', async (t) => {
  const group = await startSentinel()
  t.teardown(() => group.stop())
  const old = await group.primary()
  const resume = await group.pausePrimary()
  t.teardown(resume)
  t.notOk(await answersPing(old.port))
  const primary = await group.replaced(old)
  resume()
  const follows = async () => (await askText(old.port, 'ROLE')).startsWith('slave')
  t.ok(await waitUntil(follows, { within: 60_000 }))
  t.equal(await group.primary(), primary)
})
