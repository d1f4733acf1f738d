/** How the servers that were written for the benchmark are asked for a token. */
export const mint = {
  path: '/token',
  headers: { 'content-type': 'application/json' },
  body: '{"sub":"alice"}',
  token: (/** @type {any} */ answer) => answer.token,
}
