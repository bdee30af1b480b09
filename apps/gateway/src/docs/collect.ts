import type { Replicas } from '../exchange.ts'
import type { Routed } from '../routes.ts'
import { publicPath } from '../routes.ts'
import type { Upstreams } from '../upstreams.ts'
import { asOpenApi } from './document.ts'
import type { JsonObject } from './json.ts'
import { merge, type Part } from './merge.ts'

export interface Documented extends Routed {
  readonly upstreams: Upstreams
}

/** Milliseconds for which a document is shown before the services are asked again. */
const FRESH_MS = 5_000
const ASK_TIMEOUT_MS = 2_000

/**
 * The document of all services, as their replicas tell it. A service that does not answer is shown as it was last; one
 * that has never answered is named as missing.
 */
export function collectDocs(
  services: readonly Documented[],
  replicas: Replicas,
  now: () => number = () => performance.now(),
): () => Promise<JsonObject> {
  const known = new Map<string, Part>()
  let asked = Number.NEGATIVE_INFINITY
  let current: Promise<JsonObject> | undefined

  const ask = async ({ name, upstreams }: Documented): Promise<void> => {
    const address = upstreams.next(new Set())
    const document = address === undefined ? undefined : await documentAt(address, replicas)
    if (document) known.set(name, { service: name, document })
  }
  const collect = async (): Promise<JsonObject> => {
    await Promise.all(services.map(ask))
    const parts = services.flatMap(({ name }) => known.get(name) ?? [])
    const missing = services.filter(({ name }) => !known.has(name)).map(({ name }) => name)
    return merge(parts, (service, path) => publicPath(services, service, path), infoOf(parts, missing))
  }
  return () => {
    if (current === undefined || now() - asked >= FRESH_MS) {
      asked = now()
      current = collect()
    }
    return current
  }
}

async function documentAt(address: string, replicas: Replicas) {
  const answer = await replicas.read(address, '/docs/json', ASK_TIMEOUT_MS)
  try {
    return answer?.status === 200 ? asOpenApi(JSON.parse(answer.text)) : undefined
  } catch {
    return undefined
  }
}

function infoOf(parts: readonly Part[], missing: readonly string[]): JsonObject {
  const lines = parts.map(({ service, document: { info } }) => {
    const about = [info?.title, info?.description].filter((text) => text !== undefined).join(': ')
    return `- **${service}** (as a whole under \`/services/${service}\`) ${about}`
  })
  const away = missing.length > 0 ? [`Do not answer now, and are missing: ${missing.join(', ')}.`] : []
  return {
    title: 'Lockstep bookshop',
    version: '1',
    description: ['All services behind the gateway:', '', ...lines, '', ...away].join('\n').trim(),
  }
}
