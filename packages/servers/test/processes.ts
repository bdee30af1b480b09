import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { waitUntil } from '../src/wait.ts'

export interface ProcessRow {
  readonly pid: number
  readonly ppid: number
  readonly group: number
}

/** Every process that runs; one that has ended and was not collected yet does not run. */
export function runningProcesses(): ProcessRow[] {
  return (existsSync('/proc/self/stat') ? rowsOfProc() : rowsOfPs())
    .filter(([, , , state]) => state !== 'Z')
    .map(row)
}

function row([pid, ppid, group]: string[]): ProcessRow {
  return { pid: Number(pid), ppid: Number(ppid), group: Number(group) }
}

function rowsOfProc(): string[][] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        const [state = '', ppid = '', group = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        return [[pid, ppid, group, state]]
      } catch {
        return []
      }
    })
}

function rowsOfPs(): string[][] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,state=']).toString()
  return table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
}

export function runs(pid: number): boolean {
  return runningProcesses().some((process) => process.pid === pid)
}

/** A process, its leash, its helpers: all of its group and all of its children's. */
export function familyOf(pid: number): number[] {
  const rows = runningProcesses()
  const group = rows.find((process) => process.pid === pid)?.group
  return rows
    .filter((process) => process.group === group || process.ppid === pid)
    .map((process) => process.pid)
}

/** Resolves when none of them runs; names those that still do at the deadline. */
export async function allGone(pids: readonly number[], within = 60_000): Promise<number[]> {
  const left = (): number[] => {
    const rows = new Set(runningProcesses().map((process) => process.pid))
    return pids.filter((pid) => rows.has(pid))
  }
  await waitUntil(() => left().length === 0, { within })
  return left()
}
