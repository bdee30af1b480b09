import { fileURLToPath } from 'node:url'
import { launch } from './launch.ts'
import { gatewayEntry, services } from './services.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')

process.exit(await launch({ services, gatewayEntry }, process.env, root))
