/** One secret, or several with commas between: printable, no spaces, 32 characters or more. */
export const SECRETS = String.raw`^[!-+\--~]{32,}(,[!-+\--~]{32,})*$`
