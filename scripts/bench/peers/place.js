import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keySetOf } from './key-set.js'

/** @typedef {import('../peers.js').Place} Place */

/**
 * Where the private JWK is.
 * @param {Place} place
 */
export function keyFile({ folder, alg }) {
  return join(folder, `${alg}.json`)
}

/**
 * The JWK Set of its public half.
 * @param {Place} place
 */
export function keySetIn(place) {
  return keySetOf(JSON.parse(readFileSync(keyFile(place), 'utf8')))
}
