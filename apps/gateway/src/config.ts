import { ServiceSettings } from '@lockstep/fastify'
import { DurationSetting, type Environment, readSettings, SettingsError } from '@lockstep/settings'
import Type, { type Static, type StaticDecode } from 'typebox'
import { Compile } from 'typebox/compile'

/** A service behind the gateway: which addresses are its own, and where its replicas are. */
const Service = Type.Object({
  name: Type.String({ pattern: '^[a-z][a-z0-9-]*$' }),
  prefixes: Type.Array(Type.String({ pattern: '^/' }), { minItems: 1 }),
  upstreams: Type.Array(Type.String({ pattern: '^https?://' }), { minItems: 1 }),
})
type Service = Static<typeof Service>

const Services = Compile(Type.Array(Service, { minItems: 1 }))

export const GatewaySettings = Type.Object({
  ...ServiceSettings.properties,
  GATEWAY_SERVICES: Type.String({
    description: 'JSON: [{ "name", "prefixes": ["/"], "upstreams": ["http://…"] }]',
  }),
  GATEWAY_PROBE_INTERVAL: DurationSetting({
    default: '250ms',
    description: 'How often each replica is asked whether it is ready',
  }),
  GATEWAY_TIMEOUT: DurationSetting({
    default: '30s',
    description: 'The longest until an answer begins, and the longest pause within one',
  }),
  GATEWAY_HEADERS_TIMEOUT: DurationSetting({
    default: '10s',
    description: 'The longest that a client may take to send the headers of a request',
  }),
  GATEWAY_REQUEST_TIMEOUT: DurationSetting({
    default: '30s',
    description: 'The longest that a client may take to send a whole request',
  }),
})

export type GatewaySettings = StaticDecode<typeof GatewaySettings> & { readonly services: readonly Service[] }

/** @throws {SettingsError} naming every variable that is missing or wrong */
export function readConfig(env: Environment): GatewaySettings {
  const settings = readSettings(GatewaySettings, env)
  return { ...settings, services: parseServices(settings.GATEWAY_SERVICES) }
}

function parseServices(text: string): Service[] {
  try {
    const services: unknown = JSON.parse(text)
    if (Services.Check(services)) return services
    const [issue] = Services.Errors(services)
    throw new SettingsError([`GATEWAY_SERVICES${issue?.instancePath ?? ''} ${issue?.message ?? 'is wrong'}`])
  } catch (error) {
    if (error instanceof SettingsError) throw error
    throw new SettingsError(['GATEWAY_SERVICES is not JSON'])
  }
}
