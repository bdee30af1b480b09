import { readSettings } from '@lockstep/settings'
import { test } from 'tap'
import { RedisSettings } from '../src/index.ts'
import { connectionOptions } from '../src/options.ts'

const read = (env: Record<string, string>) => readSettings(RedisSettings, env)

await test('C2 an address as an URL', async (t) => {
  const { options, endpoint } = connectionOptions(
    read({ REDIS_URL: 'rediss://app:p%40ss@cache.example:7000/3' }),
    'catalog-1',
  )
  t.match(options, {
    host: 'cache.example',
    port: 7000,
    db: 3,
    username: 'app',
    password: 'p@ss',
    tls: {},
    connectionName: 'catalog-1',
  })
  t.equal(endpoint, 'cache.example:7000/3', 'no password in what is logged')
})

await test('C2 an address in parts', async (t) => {
  const { options } = connectionOptions(
    read({
      REDIS_HOST: 'h',
      REDIS_PORT: '1',
      REDIS_DB: '2',
      REDIS_PASSWORD: 'x',
      REDIS_TLS: 'true',
    }),
    'n',
  )
  t.match(options, { host: 'h', port: 1, db: 2, password: 'x', tls: {} })
})

await test('C2 a wrong address is named, and its value is not repeated', async (t) => {
  t.throws(() => read({ REDIS_URL: 'http://user:hunter2@host' }), { message: /REDIS_URL must match pattern/ })
  for (const url of [
    'redis://user:hunter2@host:99999',
    'redis://user:hunter2@host/notanumber',
    'redis://',
    'redis://u:100%hunter2@h',
  ]) {
    try {
      connectionOptions(read({ REDIS_URL: url }), 'n')
      t.fail(`${url} should not pass`)
    } catch (error) {
      t.match(error, { code: 'LOCKSTEP_REDIS_ADDRESS_INVALID' })
      t.notMatch(String(error), /hunter2/)
    }
  }
})

await test('pauses between attempts grow, are spread, and are bounded', async (t) => {
  const delay = (attempt: number, random: number) =>
    connectionOptions(read({ REDIS_RETRY_DELAY_MAX: '1s' }), 'n', () => random).options.retryStrategy(attempt)
  t.equal(delay(1, 1), 100)
  t.equal(delay(1, 0), 50)
  t.equal(delay(1000, 1), 1000)
})
