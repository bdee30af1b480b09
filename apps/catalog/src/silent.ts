/** A logger for commands that a person runs: they say what happens in their own words. */
export const silent = { info: () => {}, warn: () => {}, error: () => {} }
