import assert from 'node:assert/strict'

const uncaught: unknown[] = []
// The runner blames an error that nobody caught on whichever hook is open, and passes; we remember it.
process.on('uncaughtExceptionMonitor', (error) => uncaught.push(error))

/** Fails when an error escaped every handler so far, which would have ended the process of a real server. */
export function assertNothingUncaught(): void {
  assert.deepEqual(uncaught, [])
}
