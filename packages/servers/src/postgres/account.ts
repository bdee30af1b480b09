import { readFileSync } from 'node:fs'
import { runCommand } from '../run.ts'

/** The user that Postgres runs as. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/**
 * Postgres refuses to run as root: root starts it as the user `postgres` where there is one, else as `nobody`.
 * Undefined for everyone else, who run it as themselves. No user is created.
 */
export async function postgresAccount(uid = process.getuid?.()): Promise<Account | undefined> {
  if (uid !== 0) return undefined
  return (
    (await accountNamed('postgres')) ??
    (await accountNamed('nobody')) ?? { name: 'nobody', uid: 65534, gid: 65534 }
  )
}

async function accountNamed(name: string): Promise<Account | undefined> {
  const [uid, gid] = await Promise.all([numberFrom(['-u', name]), numberFrom(['-g', name])])
  // Darwin's nobody is -2, which the system wants as an unsigned number.
  return uid === undefined || gid === undefined ? undefined : { name, uid: uid >>> 0, gid: gid >>> 0 }
}

async function numberFrom(args: readonly string[]): Promise<number | undefined> {
  const { code, output } = await runCommand('id', args)
  const number = Number.parseInt(output, 10)
  return code === 0 && Number.isInteger(number) ? number : undefined
}

/** Whether this account can run a program and write in a folder, whatever the modes of the folders above say. */
export async function canUse(account: Account, program: string, folder: string): Promise<boolean> {
  const script = 'test -x "$1" && test -r "$1" && test -w "$2" && test -x "$2"'
  const { code } = await runCommand('sh', ['-c', script, 'sh', program, folder], { account, cwd: '/' })
  return code === 0
}

/** The full command line of a process, or undefined when there is no such process. */
export async function commandLineOf(pid: number): Promise<string | undefined> {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    const { code, output } = await runCommand('ps', ['-ww', '-o', 'command=', '-p', String(pid)])
    return code === 0 ? output : undefined
  }
}
