import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Launcher, makeHome, realMain } from '../launcher.ts'
import { leftOf, treeOf, until } from '../processes.ts'

const compileCache = fileURLToPath(new URL('../../.tap/compile-cache', import.meta.url))

/** A shell in which somebody pastes lines, and waits for what comes. */
function paste(lines: string) {
  const shell = spawn('sh', ['-c', `${lines}\nread over\nkill $!\n`], { stdio: ['pipe', 'pipe', 'pipe'] })
  const said = { text: '' }
  for (const stream of [shell.stdout, shell.stderr])
    stream.on('data', (chunk) => (said.text += String(chunk)))
  return {
    said,
    async over() {
      shell.stdin.end('\n')
      await once(shell, 'close')
    },
  }
}

await test('npm start: the lines that it ends with do what they say, and no secret is shown', async (t) => {
  const { home, remove } = makeHome()
  t.teardown(remove)
  const few = { REPLICAS: '1', SERVICE_REPLICAS: '1', NODE_COMPILE_CACHE: compileCache }
  const launcher = await Launcher.start(home, [], few, realMain)
  t.teardown(() => launcher.end('SIGKILL'))
  t.ok(await launcher.says('The fleet runs'), launcher.output)
  t.match(launcher.output, /Database of users: .*admin created/)
  t.match(launcher.output, /Replicas ready: catalog × 1, users × 1, orders × 1, activity × 1/)

  const lines = /^To try[^\n]*\n([\s\S]*?)(?:# Evictions|$(?![\s\S]))/m.exec(launcher.output)?.[1] ?? ''
  t.match(lines, /\/orders .*idempotency-key/)
  const { said, over } = paste(lines)
  t.ok(await until(() => said.text.includes('event: order') && /\d+ 429\n/.test(said.text)), said.text)
  await over()
  const expected = [
    /x-served-by: catalog-1/i,
    /"version":2,"title":"A new title"/,
    /"email":"ada@bookshop.example"/,
    /"profile":\{"logins":1/,
    /"state":"placed"/,
    /data: .*Order 1 is complete: A new title/,
    /"tags":\["classic"\]/,
    /"hitRate":/,
    /"outcome":"applied"/,
  ]
  for (const what of expected) t.match(said.text, what)
  t.notMatch(said.text, /"status":(4|5)\d\d/, 'no line was refused')

  const logs = readdirSync(join(home, 'logs')).map((file) => readFileSync(join(home, 'logs', file), 'utf8'))
  const shown = [launcher.output, ...logs].join('\n')
  const { ADMIN_EMAIL: _email, ...secrets } = JSON.parse(readFileSync(join(home, 'secrets.json'), 'utf8'))
  for (const [name, secret] of Object.entries(secrets)) t.notOk(shown.includes(String(secret)), name)

  const tree = treeOf(launcher.pid)
  t.equal(await launcher.end('SIGINT'), 0)
  t.same(await leftOf(tree, 0), [])
})
