import { loadScript } from '../script.ts'

/** One command that writes to a key, and the key's lifetime with it: no key is left without one. */
export const lasting = loadScript(new URL('../lua/lasting.lua', import.meta.url), Number)
