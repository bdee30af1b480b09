const oldestNode = 20

/**
 * What keeps this machine from running the project, in one line; undefined when nothing does.
 *
 * @param {{ platform: string, version: string }} machine
 * @returns {string | undefined}
 */
export function unsuitable({ platform, version }) {
  if (platform === 'win32')
    return 'Windows is not supported directly: run this inside WSL (https://aka.ms/wsl).'
  const major = Number.parseInt(version.replace(/^v/, ''), 10)
  if (major >= oldestNode) return undefined
  return `Node ${oldestNode} or newer is needed, and this is ${version}: install one from https://nodejs.org.`
}
