import { setTimeout as pause } from 'node:timers/promises'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { createLocks, createQuorumLocks, createSemaphores, type Lock } from '../../src/index.ts'
import type { HistoryLine, HistoryPlan } from './history-plan.ts'

/** A process whose callers take locks and permits at random, and print what they see until it is ended. */
const plan: HistoryPlan = JSON.parse(process.argv[2] ?? '')
const logger = { info() {}, warn() {}, error() {} }
const random = seeded(plan.seed)
const link = linkTo(plan.port)
const clock = linkTo(plan.clock)
const locks = createLocks({ redis: link, prefix: 'shop', logger })
const semaphores = createSemaphores({ redis: link, prefix: 'shop', permits: plan.permits, logger })
const { ports, resources: majorityOnes } = plan.quorum ?? {
  ports: [plan.port, plan.port, plan.port],
  resources: [],
}
const quorum = createQuorumLocks({ servers: ports.map(linkTo), prefix: 'shop', logger })
await clock.whenAvailable(30_000)
await link.whenAvailable(30_000)

let calls = 0
for (let caller = 0; caller < plan.callers; caller++) void work()

async function work(): Promise<never> {
  for (;;) {
    const resource = pick([...plan.locks, ...plan.semaphores, ...majorityOnes])
    const before = await serverMicros()
    try {
      const lock = await take(resource)
      if (lock) await hold(lock, { resource, before, fence: 'fence' in lock ? Number(lock.fence) : 0 })
      else await pause(random() * 5)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      print({ kind: 'failed', code })
    }
  }
}

function pick(names: readonly string[]): string {
  return names[Math.floor(random() * names.length)] ?? ''
}

async function take(resource: string): Promise<Lock | null> {
  // What is forgotten must not be held for longer than the test lasts.
  const terms = { ttl: plan.ttl, maxHold: 4 * plan.ttl }
  const others = majorityOnes.includes(resource) ? quorum : semaphores
  const from = plan.locks.includes(resource) ? locks : others
  const how = plan.patient ? 1 : random()
  if (how < 0.15) return from.tryAcquire(resource, terms)
  if (how < 0.25) return from.acquire(resource, { ...terms, wait: Math.floor(random() * 40) })
  if (how < 0.4)
    return from.acquire(resource, { ...terms, signal: AbortSignal.timeout(Math.floor(random() * 40)) })
  return from.acquire(resource, { ...terms, wait: '60s' })
}

async function hold(lock: Lock, grant: { resource: string; before: number; fence: number }): Promise<void> {
  const id = `${process.pid}:${++calls}`
  print({ kind: 'granted', id, ...grant, after: await serverMicros() })
  const lasts = plan.patient || random() < 0.97 ? random() * plan.holds : plan.ttl * 1.5
  const end = performance.now() + lasts
  do {
    const at = await serverMicros()
    // Held after the server had said its time: so it was held then.
    if (!lock.held) break
    print({ kind: 'held', id, at })
    await pause(Math.min(10, lasts / 2))
  } while (performance.now() < end)
  // One in fifty is forgotten, as by a bug, and ends with its maxHold.
  if (plan.patient || random() > 0.02) await lock.release()
}

async function serverMicros(): Promise<number> {
  for (;;) {
    try {
      const [answer] = (await clock.run((redis) => redis.pipeline([['time']]).exec())) ?? []
      const [seconds, micros] = Array.isArray(answer?.[1]) ? answer[1].map(Number) : []
      return Number(seconds) * 1e6 + Number(micros)
    } catch {
      // After a stop of the process its own patience has run out.
      await pause(10)
    }
  }
}

function print(line: HistoryLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function linkTo(port: number) {
  const settings = readSettings(RedisSettings, {
    REDIS_URL: `redis://127.0.0.1:${port}`,
    REDIS_RETRY_DELAY_MAX: '100ms',
    REDIS_COMMAND_TIMEOUT: '200ms',
  })
  return openRedis(settings, 'history', logger)
}

/** Numbers between 0 and 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
