import { test } from 'tap'
import { memoryTransport } from '../../src/memory/transport.ts'
import { storeContract } from './contract.ts'
import { LONG, NOTE, token } from './material.ts'

await test('M3 the memory store', async (t) => {
  await storeContract(t, async () => {
    const transport = memoryTransport({ prefix: 'shop' })
    const { shard } = transport.server
    return {
      one: transport,
      other: transport,
      async loseHead() {
        shard.state.head = undefined
      },
    }
  })
})

await test('the memory server, restarted, begins a new history at a probe, a begin or an end', async (t) => {
  const transport = memoryTransport({ prefix: 'shop' })
  const { server, store } = transport
  const asks = {
    probe: () => store.probe(0, 'r', LONG, false),
    begin: () => store.begin(0, ['books:v1:42'], token(), LONG, NOTE),
    end: () => store.end(0, ['books:v1:42'], token(), 1, [], NOTE),
  }
  for (const [script, ask] of Object.entries(asks)) {
    const { head } = await store.replay(0, 0)
    t.equal((await ask()).head.incarnation, head.incarnation, `${script} on the same server`)
    server.restart(server.shard.state)
    t.not((await ask()).head.incarnation, head.incarnation, script)
  }
})
