import { test } from 'tap'
import { Queues } from '../src/messages/queues.ts'

await test('a queue that is empty is forgotten, and drained tells when all are', async (t) => {
  const gate = Promise.withResolvers<void>()
  let handled = 0
  const handle = async () => {
    await gate.promise
    handled++
  }
  const queues = new Queues(handle, 10, () => t.fail('nothing is dropped'))
  await queues.drained()
  for (let n = 0; n < 1000; n++) queues.add(`user:${n}`, 'x')
  queues.add('user:1', 'y')
  t.equal(queues.size, 1000)
  const drained = queues.drained()
  gate.resolve()
  await drained
  t.equal(handled, 1001)
  t.equal(queues.size, 0)
})

await test('what comes while they are drained is waited for, and an empty payload is one', async (t) => {
  const seen: string[] = []
  const queues: Queues = new Queues(
    async (channel, payload) => {
      // So b begins when all is being waited for, and its last ends after that of a.
      await new Promise(setImmediate)
      if (channel === 'a') queues.add('b', payload)
      seen.push(`${channel}${payload}`)
    },
    10,
    () => t.fail('nothing is dropped'),
  )
  queues.add('a', '')
  queues.add('a', '1')
  await queues.drained()
  t.same(seen.toSorted(), ['a', 'a1', 'b', 'b1'])
  t.equal(queues.discard(), 0)
})
