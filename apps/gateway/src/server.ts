import { failToStart, runService } from '@lockstep/fastify'
import { createApp } from './app.ts'
import { readConfig } from './config.ts'

try {
  const settings = readConfig(process.env)
  await runService(await createApp(settings), settings)
} catch (error) {
  failToStart(error)
}
