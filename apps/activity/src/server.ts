import { failToStart, runService } from '@lockstep/fastify'
import { createApp } from './app.ts'
import { readConfig } from './config.ts'

try {
  const settings = readConfig(process.env)
  const app = createApp(settings)
  // --check: whether the settings and all parts go together, without listening.
  if (process.argv.includes('--check')) await app.close()
  else await runService(app, settings)
} catch (error) {
  failToStart(error)
}
