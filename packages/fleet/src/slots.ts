import { freePort } from '@lockstep/servers'
import type { FleetConfig } from './config.ts'
import type { Given, Service } from './services.ts'

/** The place of one replica: its name and port stay for the life of the launcher, so the gateway's list stays true. */
export interface Slot {
  readonly name: string
  readonly service: string
  readonly entry: string
  readonly port: number
  readonly needs: readonly Given[]
}

/** A slot for each replica of each service, none on a port that another has been given. */
export async function slotsOf(
  services: readonly Service[],
  asked: FleetConfig['replicas'],
  gatewayPort: number,
): Promise<Slot[]> {
  const slots: Slot[] = []
  const given = new Set([gatewayPort])
  for (const { name: service, entry, replicas, needs } of services) {
    const count = typeof replicas === 'number' ? replicas : asked[replicas]
    for (let number = 1; number <= count; number++) {
      const port = await portBesides(given)
      given.add(port)
      slots.push({ name: `${service}-${number}`, service, entry, port, needs })
    }
  }
  return slots
}

export function urlOf({ port }: Slot): string {
  return `http://127.0.0.1:${port}`
}

/** A free port that is not given away: those who were given one may not listen yet. */
async function portBesides(given: ReadonlySet<number>): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (!given.has(port)) return port
  }
}
