import { test } from 'tap'
import { fleet, settle } from './fleet.ts'

await test('G4 a load that was granted in a young incarnation, and ends after its youth, is kept nowhere', async (t) => {
  for (const youth of [true, false]) {
    const { a, source, state, server, pass, release } = await fleet({
      young: true,
      guards: { youth },
      define: { ttl: '1h', hardTimeout: '1m' },
    })
    await pass(29_000)
    state.held = true
    const loading = a.books.read(42)
    await settle()
    // The writer, whose intent was lost with the history before, commits and dies.
    source.set(42, { title: 'second' })
    await pass(2000)
    release()
    t.match(await loading, { value: { title: 'first' }, stored: !youth })
    await settle()
    t.same(server.shard.names(), youth ? [] : ['books:v1:42'])
    t.equal(server.shard.state.leases.size, 0, 'and its lease is given back')
    t.match(await a.books.get(42), { title: youth ? 'second' : 'first' })
  }
})

await test('G4 what ends within the youth is kept until its end, and what begins after it for as long as ever', async (t) => {
  const { a, pass, clock, server } = await fleet({ young: true, define: { ttl: '1h' } })
  const ends = () => [...server.shard.state.entries.values()].map(({ expiresAt }) => expiresAt - clock.wall())
  await pass(29_000)
  t.match(await a.books.read(42), { stored: true })
  await settle()
  t.same(ends(), [1000])
  await pass(1000)
  await a.books.get(42)
  await settle()
  t.same(ends(), [3_600_000])
})
