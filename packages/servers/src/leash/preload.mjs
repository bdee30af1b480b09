/**
 * The leash of a Node process: `node --import preload.mjs app.ts` ends the app when its starter is gone.
 *
 * The starter holds the other end of the descriptor named by LOCKSTEP_LEASH. The kernel closes that end
 * whenever the starter dies, also by SIGKILL; the app then gets SIGTERM, as from an operator, and drains.
 * An app that has not drained after the grace is ended. The app needs no code for this.
 */
import { Socket } from 'node:net'
import { isMainThread } from 'node:worker_threads'

const drainGrace = 15_000
const descriptor = Number(process.env.LOCKSTEP_LEASH)
// Children and workers of the app inherit `--import` but not the descriptor.
delete process.env.LOCKSTEP_LEASH

if (isMainThread && Number.isInteger(descriptor) && descriptor > 2) {
  const starter = new Socket({ fd: descriptor, readable: true, writable: false })
  const starterIsGone = () => {
    starter.destroy()
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), drainGrace).unref()
    process.kill(process.pid, 'SIGTERM')
  }
  starter.once('end', starterIsGone)
  starter.once('error', starterIsGone)
  starter.resume()
  starter.unref()
}
