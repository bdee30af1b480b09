import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

interface Row {
  readonly pid: number
  readonly ppid: number
}

/** Every process that runs; one that has ended and was not collected yet does not run. */
function running(): Row[] {
  return existsSync('/proc/self/stat') ? rowsOfProc() : rowsOfPs()
}

function rowsOfProc(): Row[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return state === 'Z' ? [] : [{ pid: Number(name), ppid: Number(ppid) }]
    } catch {
      return []
    }
  })
}

function rowsOfPs(): Row[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,state=']).toString().trim().split('\n')
  return table
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , state]) => state !== 'Z')
    .map(([pid, ppid]) => ({ pid: Number(pid), ppid: Number(ppid) }))
}

/** The process and all that descends from it. */
export function treeOf(pid: number): number[] {
  const rows = running()
  const tree = [pid]
  for (const member of tree) tree.push(...rows.filter(({ ppid }) => ppid === member).map((row) => row.pid))
  return tree
}

export function stillRunning(pids: readonly number[]): number[] {
  const rows = new Set(running().map(({ pid }) => pid))
  return pids.filter((pid) => rows.has(pid))
}

/** Resolves with nobody when none of them runs any more, or with those who do at the deadline. */
export async function leftOf(pids: readonly number[], within = 60_000): Promise<number[]> {
  await until(() => stillRunning(pids).length === 0, within)
  return stillRunning(pids)
}

export async function until(check: () => boolean | Promise<boolean>, within = 60_000): Promise<boolean> {
  const end = performance.now() + within
  while (!(await check())) {
    if (performance.now() > end) return false
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
  return true
}
