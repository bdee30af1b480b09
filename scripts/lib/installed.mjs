import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Whether node_modules is what package-lock.json asks for. A stamp in node_modules says for which lock an install
 * came to its end; it is taken away before an install begins, so one that was cut short is done again.
 */

const stampOf = (root) => join(root, 'node_modules/.lockstep-lock')

function lockHash(root) {
  const lock = readFileSync(join(root, 'package-lock.json'))
  return createHash('sha256').update(lock).update(`${process.platform}-${process.arch}`).digest('hex')
}

/** @param {string} root */
export function stamp(root) {
  writeFileSync(stampOf(root), `${lockHash(root)}\n`)
}

/** @param {string} root */
export function unstamp(root) {
  rmSync(stampOf(root), { force: true })
}

/**
 * @param {string} root the checkout
 * @returns {'installed' | 'absent' | 'outdated'}
 */
export function stateOfModules(root) {
  if (!existsSync(join(root, 'node_modules'))) return 'absent'
  if (existsSync(stampOf(root))) {
    return readFileSync(stampOf(root), 'utf8').trim() === lockHash(root) ? 'installed' : 'outdated'
  }
  // npm writes its own list at the very end of an install, so a tree without it is one that was cut short.
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return 'absent'
  return everyPackageInStep(root) ? 'installed' : 'outdated'
}

/** Someone may have installed by hand: every package of the lock is there in its version, or was optional. */
function everyPackageInStep(root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  return Object.entries(packages).every(([path, locked]) => {
    if (!path.includes('node_modules/')) return true
    const manifest = join(root, path, 'package.json')
    if (!existsSync(manifest))
      return locked.optional === true || locked.devOptional === true || locked.peer === true
    return locked.link === true || JSON.parse(readFileSync(manifest, 'utf8')).version === locked.version
  })
}
