import { connect } from 'node:net'
import Value from 'typebox/value'
import { Peer } from './peer.ts'
import { Plan } from './plan.ts'
import { seeded } from './random.ts'
import { Recorder } from './records.ts'
import { openSubject } from './subject.ts'
import { openTextbook } from './textbook.ts'
import { Workload } from './workload.ts'

/** A process of the fleet: one cache, and the load on it. The controller tells it when. */
const plan = Value.Parse(Plan, JSON.parse(process.argv[2] ?? ''))
const recorder = new Recorder(plan.records)
const done: number[] = []

const controller: Peer = new Peer(connect(plan.control, '127.0.0.1'), {
  live: () => [subject.live ? 1 : 0],
  run(warmUp = 0) {
    workload.run(warmUp)
    return done
  },
  async quiet() {
    await workload.quiet()
    return done
  },
  halt() {
    workload.halt()
    return done
  },
  async stop() {
    await workload.stop()
    recorder.flush()
    return done
  },
  readAll: () => workload.readAll(),
  die(...keys) {
    workload.die(keys)
    return done
  },
  async finish() {
    recorder.close()
    await subject.close()
    return done
  },
})

const open = plan.subject === 'lockstep' ? openSubject : openTextbook
const subject = open({
  name: `torture-${plan.replica}`,
  redisPort: plan.redis,
  commandTimeout: plan.commandTimeout,
  load: async (key) => first(await controller.call('load', key)),
})

const workload = new Workload({
  load: plan.load,
  subject,
  recorder,
  random: seeded(plan.seed),
  commit: async (key, notAfter) => first(await controller.call('commit', key, notAfter)),
  probes: plan.replica === 0,
})

await controller.call('hello', plan.replica)

function first([number]: number[]): number {
  if (number === undefined) throw new Error('the database answered with nothing')
  return number
}
