/**
 * The environment of a Node program of the fleet. A replica idles most of its life: a young generation of 2 MB instead of
 * 16 saves it some 30 MB. All get the same, because Node's compile cache is only good for the same flags.
 */
export const withSmallHeap = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  NODE_OPTIONS: `--max-semi-space-size=2 --max-old-space-size=256 ${env['NODE_OPTIONS'] ?? ''}`.trim(),
})
