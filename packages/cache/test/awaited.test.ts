import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { test } from 'tap'

const index = new URL('../src/index.ts', import.meta.url).href

/** Runs a program that has nothing else to do than to wait for a cache over the memory transport. */
async function said(program: string): Promise<string> {
  const code = `import { createCache, memoryTransport } from ${JSON.stringify(index)}
    const logger = { info() {}, warn() {}, error() {} }
    const transport = memoryTransport()
    const cache = createCache({ transport, logger, maxStaleness: '100ms' })
    const define = { name: 'books', version: 1, key: (id) => id, ttl: '1m', hardTimeout: '100ms' }
    ${program}`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code])
  return stdout.trim()
}

await test('Node does not leave while somebody waits', async (t) => {
  const waits = {
    'for a load': `
      const books = cache.define({ ...define, load: () => new Promise(() => {}) })
      console.log(await books.get(42).catch(() => 'answered'))`,
    'for the load of another replica': `
      const books = cache.define({ ...define, load: async () => 'answered' })
      await transport.store.lease(0, [{ name: 'books:v1:42', token: 'x'.repeat(16) }], 60_000)
      console.log(await books.get(42))`,
    'for the fleet': `
      const work = async () => 'answered'
      console.log((await cache.mutate(['books:v1:42'], work, { wait: 'fleet' })).value)`,
    'for a replica that is silent': `
      await new Promise((resolve) => setTimeout(resolve, 150))
      await transport.store.probe(0, 'silent', 300, false)
      const work = async () => 'answered'
      console.log((await cache.mutate(['books:v1:42'], work, { wait: 'fleet' })).value)`,
  }
  for (const [what, program] of Object.entries(waits)) t.equal(await said(program), 'answered', what)
})
