import { test } from 'tap'
import { createCache } from '../src/index.ts'
import { fleet, Net, settle, transportOver } from './fleet.ts'

/** Begins a fleet-wide write, and notes when its work begins. */
function write({ a, source }: Awaited<ReturnType<typeof fleet>>) {
  const state = { begun: false }
  const done = a.cache.mutate(
    [a.books.key(42)],
    async () => {
      state.begun = true
      source.set(42, { title: 'second' })
    },
    { wait: 'fleet' },
  )
  return { state, done }
}

await test('G5 with wait: fleet the work begins when all replicas have acknowledged', async (t) => {
  const made = await fleet({ size: 3 })
  const { b } = made
  await b.books.get(42)
  await settle()
  const { state, done } = write(made)
  await settle()
  t.equal(state.begun, true, 'at once, when all of them hear')
  t.match(await done, { promised: true, outcome: 'applied' })
  t.match(await b.books.get(42), { title: 'second' })
})

await test('G5 when an acknowledgement is lost, the work waits until no lease can cover the old value', async (t) => {
  const made = await fleet({ size: 2 })
  const { b, pass } = made
  await b.books.get(42)
  await settle()
  b.net.deaf = true
  b.net.away = true
  const { state, done } = write(made)
  await pass(1900)
  t.equal(state.begun, false)
  await pass(100)
  t.equal(state.begun, true)
  t.match(await done, { promised: true })
  t.equal(b.books.peek(42), undefined, 'its lease has ended')
})

await test('without the wait, another replica would read the old value after the commit', async (t) => {
  const made = await fleet({ size: 2, guards: { acknowledgement: false } })
  const { b } = made
  await b.books.get(42)
  await settle()
  b.net.deaf = true
  const { done } = write(made)
  t.match(await done, { promised: true })
  t.match(await b.books.get(42), { title: 'first' })
})

await test('G5 in a young incarnation the list of replicas may be lost, so all of T is waited', async (t) => {
  const made = await fleet({ size: 2, young: true })
  const { pass } = made
  const { state, done } = write(made)
  await pass(1900)
  t.equal(state.begun, false)
  await pass(100)
  t.equal(state.begun, true)
  t.match(await done, { promised: true })
})

await test('G5 a replica that was given another maxStaleness than the writer is waited for as long as it says', async (t) => {
  const { server, clock, logger, source, pass, a } = await fleet()
  await a.books.get(42)
  await settle()
  a.net.deaf = true
  a.net.away = true
  const transport = transportOver(server, new Net())
  const hasty = createCache({ transport, logger, clock, maxStaleness: '200ms' })
  await settle()
  const state = { begun: false }
  const done = hasty.mutate(
    [a.books.key(42)],
    async () => {
      state.begun = true
      source.set(42, { title: 'second' })
    },
    { wait: 'fleet' },
  )
  await pass(1700, 50)
  t.match(a.books.peek(42), { title: 'first' })
  t.equal(state.begun, false)
  await pass(400, 50)
  t.equal(a.books.peek(42), undefined)
  t.match(await done, { promised: true })
})

await test('a replica that left, or has not been seen for long, is not waited for', async (t) => {
  const made = await fleet({ size: 3 })
  const { b, c, pass } = made
  await b.cache.close()
  c.net.away = true
  c.net.deaf = true
  await pass(2500)
  const { state, done } = write(made)
  await settle()
  t.equal(state.begun, true)
  await done
})
