import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('./fixtures/starter.ts', import.meta.url))

/** Runs a process that starts these servers, and tells their pids. */
export async function starterOf(
  names: string,
  folder?: string,
): Promise<{ starter: ChildProcess; pids: Record<string, number> }> {
  const args = [entry, names, ...(folder === undefined ? [] : [folder])]
  const starter = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: starter.stdout }), 'line')
  return { starter, pids: JSON.parse(String(line)) }
}
