import { jwks, keys } from './suites/jwks.js'
import { generation, latency } from './suites/latency.js'
import { algorithms, mint } from './suites/mint.js'
import { memory, start, workers } from './suites/process.js'
import { connections, size, tokens } from './suites/scale.js'
import { token } from './suites/token.js'

/** The parts of the benchmark, in their order. @type {Record<string, import('./suite.js').Suite>} */
export const suites = { jwks, keys, mint, algorithms, token, latency, generation, start, workers, memory, connections, tokens, size }

/** Those of a short run. */
export const SHORT_SUITES = ['jwks', 'mint']
