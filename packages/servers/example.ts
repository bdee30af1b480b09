import { startPostgres, startRedisServer } from './src/index.ts'

// Both end when this process does, even by kill -9; the Postgres is a throwaway.
const redis = await startRedisServer()
const postgres = await startPostgres()

process.stdout.write(`Redis    ${redis.host}:${redis.port}, pid ${redis.pid}\n`)
process.stdout.write(`Postgres ${postgres.host}:${postgres.port}, pid ${postgres.pid}\n`)

await Promise.all([redis.stop(), postgres.stop()])
process.stdout.write('Stopped.\n')
