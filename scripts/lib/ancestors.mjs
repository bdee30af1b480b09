import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Tells when the process that started us is gone. npm runs a script through a shell, and a kill -9 of either is
 * passed on by nobody.
 *
 * @param {() => void} onGone called once
 * @param {{ interval?: number }} [options] in ms
 */
export function watchAncestors(onGone, { interval = 500 } = {}) {
  const parent = process.ppid
  const npm = process.env.npm_lifecycle_event === undefined ? undefined : parentOf(parent)
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || runs(npm))) return
    clearInterval(timer)
    onGone()
  }, interval)
  timer.unref()
}

function runs(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** The parent of a process, unless that is the first process of all, which is nobody's npm. */
function parentOf(pid) {
  try {
    const found = process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
    return found > 1 ? found : undefined
  } catch {
    return undefined
  }
}

function fromProc(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

function fromPs(pid) {
  return Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)]).toString())
}
