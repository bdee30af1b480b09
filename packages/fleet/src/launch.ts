import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { SettingsError } from '@lockstep/settings'
import { type FleetConfig, readConfig } from './config.ts'
import { FleetError, messageOf } from './errors.ts'
import { createFleet, type Plan } from './fleet.ts'
import { claimHome } from './instance.ts'
import { stepsTo } from './steps.ts'
import { summaryOf, versionOfBook } from './summary.ts'

/**
 * Runs a fleet until it is told to stop, and resolves with the exit code: 0 after SIGINT, SIGTERM or SIGHUP, 1 when it
 * cannot be started. A second signal while it stops ends everything at once.
 */
export async function launch(plan: Plan, env: NodeJS.ProcessEnv, root: string): Promise<number> {
  // A terminal that is gone takes no lines; the fleet must still be stopped in good order.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  try {
    const config = readConfig(env, root)
    const claim = await claimHome(resolve(config.home))
    if ('pid' in claim) {
      throw new FleetError(
        'FLEET_ALREADY_RUNNING',
        `The fleet is already running here (pid ${claim.pid}). Stop it with Ctrl-C there, or: kill ${claim.pid}`,
      )
    }
    return await run(plan, config)
  } catch (error) {
    process.stderr.write(
      `${error instanceof FleetError || error instanceof SettingsError ? error.message : describe(error)}\n`,
    )
    return 1
  }
}

async function run(plan: Plan, config: FleetConfig): Promise<number> {
  const fleet = createFleet(plan, config, stepsTo(write))
  const told = Promise.withResolvers<void>()
  let signals = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      signals += 1
      if (signals === 2) void fleet.kill().finally(() => process.exit(1))
      told.resolve()
    })
  }
  const start = fleet.start()
  try {
    const whereabouts = await Promise.race([start, told.promise])
    if (whereabouts) {
      const version = await versionOfBook(whereabouts.gatewayUrl, 42)
      const known = {
        version,
        redisCli: onPath('redis-cli', config),
        ownRedis: config.redisUrl === undefined,
        services: plan.services.map(({ name }) => name),
        root: config.root,
      }
      if (signals === 0) write(summaryOf(whereabouts, known))
      await told.promise
    }
  } catch (error) {
    await fleet.stop()
    throw error
  }
  write('Stopping…')
  await fleet.stop()
  write('Stopped.')
  return 0
}

function write(line: string): void {
  process.stdout.write(`${line}\n`)
}

function onPath(program: string, { env }: FleetConfig): boolean {
  return (env['PATH'] ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, program)))
}

function describe(error: unknown): string {
  return `The fleet cannot be started: ${messageOf(error)}`
}
