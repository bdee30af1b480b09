import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { PostgresSettings, prepareDatabase } from '@lockstep/postgres'
import { readSettings } from '@lockstep/settings'
import { migrations } from './database/migrations/index.ts'
import type { CatalogDatabase } from './database/schema.ts'
import { loadGenerated } from './seed/load.ts'

/** On a first start, has a replica's code in Node's compile cache before three ask for it at once. */
function warmUp(): void {
  spawnSync(process.execPath, [fileURLToPath(import.meta.resolve('./server.ts')), '--check'], {
    stdio: 'ignore',
  })
}

await prepareDatabase<CatalogDatabase, PostgresSettings>(
  {
    name: 'catalog',
    settings: (env) => readSettings(PostgresSettings, env),
    migrations,
    async fill({ db }) {
      const catalogue = await loadGenerated(db)
      if (catalogue.loaded > 0) warmUp()
      return { ...catalogue }
    },
  },
  process,
)
