import { readFileSync } from 'node:fs'
import { keySetOf } from './key-set.js'

/** What every peer on Node.js knows when it starts: where it listens, its one key, and what its tokens say. */

export const port = Number(process.env['PORT'])
/** The private JWK, with `kid` and `alg`. */
export const jwk = JSON.parse(readFileSync(String(process.env['KEY']), 'utf8'))
export const keySet = keySetOf(jwk)
export const caching = 'public, max-age=300'

export const issuer = `http://127.0.0.1:${port}`
export const audience = 'api'
/** Seconds. */
export const lifetime = 900
