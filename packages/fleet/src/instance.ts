import { createHash } from 'node:crypto'
import { mkdirSync, realpathSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * One fleet a home. The running one listens at an address made from its home and tells its pid to whoever connects. On
 * Linux that address is not in the file system: it goes with the process, however it ends. Elsewhere it is a socket in
 * the temporary folder, and one at which nobody answers counts for nothing.
 */
function addressOf(folder: string): string {
  mkdirSync(folder, { recursive: true })
  const hash = createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 16)
  return process.platform === 'linux'
    ? `\0lockstep-fleet-${hash}`
    : join(tmpdir(), `lockstep-fleet-${hash}.sock`)
}

/** The pid of the launcher whose fleet has this home now, if there is one. */
export function runningLauncher(folder: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect(addressOf(folder))
    let said = ''
    socket.setTimeout(2_000, () => socket.destroy())
    socket.on('data', (chunk) => (said += chunk.toString()))
    socket.once('error', () => resolve(undefined))
    socket.once('close', () => resolve(Number.parseInt(said, 10) || undefined))
  })
}

/** Makes this process the launcher of a home; the pid of the one that is already, if it is not this. */
export async function claimHome(folder: string): Promise<{ release(): void } | { readonly pid: number }> {
  for (;;) {
    const server = await listen(addressOf(folder))
    if (server) return { release: () => void server.close() }
    const pid = await runningLauncher(folder)
    if (pid !== undefined) return { pid }
    if (process.platform !== 'linux') rmSync(addressOf(folder), { force: true })
  }
}

function listen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end(`${process.pid}\n`)
    })
    server.unref()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(address, () => resolve(server))
  })
}
