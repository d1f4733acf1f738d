import { jwks, keys } from './suites/jwks.js'
import { algorithms, mint } from './suites/mint.js'

/** The parts of the benchmark, in their order. @type {Record<string, import('./suite.js').Suite>} */
export const suites = { jwks, keys, mint, algorithms }

/** Those of a short run. */
export const SHORT_SUITES = ['jwks', 'mint']
