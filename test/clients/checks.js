/** Collects what was tried, one line each. */
export class Checks {
  passed = 0
  failed = 0

  /** Runs a check; what it throws is its failure. */
  async that(library, what, check) {
    try {
      const seen = await check()
      this.passed += 1
      console.log(`ok: ${library}: ${what}${typeof seen === 'string' ? ` (${seen})` : ''}`)
    } catch (error) {
      this.failed += 1
      console.log(`FAILED: ${library}: ${what}: ${error.message}`)
    }
  }
}

/** Fails unless both are the same. */
export function same(actual, expected, what = 'value') {
  if (actual !== expected) throw new Error(`the ${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`)
}

/** Fails unless the promise is rejected with an error that holds the text somewhere. */
export async function refusedWith(text, promise) {
  const error = await promise.then(() => undefined, (reason) => reason)
  if (error === undefined) throw new Error(`it is not refused, and should be with ${text}`)
  const told = [error.error, error.code, error.message, error.cause?.error, JSON.stringify(error.cause ?? {})].join(' ')
  if (!told.includes(text)) throw new Error(`it is refused with ${told.slice(0, 200)}, not with ${text}`)
  return text
}
