import type { Plan } from './plan.ts'
import type { Answered } from './verdict.ts'

const ANSWER_TIMEOUT_MS = 10_000

/** The API that is tried. */
export interface Api {
  /** Sends one request with this bearer token, or without any. */
  readonly send: (token: string | undefined) => Promise<Answered>
  readonly isAccepted: (got: Answered) => boolean
}

/** The API at the URL of a plan; nothing else is contacted, and no redirect is followed. */
export function apiOf({ url, method, header, accepted: [low, high] }: Plan): Api {
  const own = header === undefined ? {} : { [header[0]]: header[1] }
  return {
    isAccepted: (got) => got !== 'no answer' && got >= low && got <= high,
    send: async (token) => {
      const headers = { ...own, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
      const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
      try {
        const { status, body } = await fetch(url, { method, headers, redirect: 'manual', signal })
        await body?.cancel()
        return status
      } catch {
        return 'no answer'
      }
    },
  }
}
