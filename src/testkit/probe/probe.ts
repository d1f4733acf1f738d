import type { Case } from '../kit.ts'

/** What an API answered to one token: a status, or nothing at all. */
export type Answered = number | 'no answer'

/** What that means. */
export type Verdict =
  | 'ok'
  /** It accepted what it must refuse. */
  | 'HOLE'
  /** It refused what it must accept. */
  | 'TOO STRICT'
  /** It met a fault of its own. */
  | 'CRASH'
  /** It differs from good practice. */
  | 'note'
  /** The keys of the issuer do not allow the case. */
  | 'skipped'

/** One case, and what became of it. */
export interface Finding {
  readonly of: Case
  readonly got: Answered | undefined
  readonly verdict: Verdict
}

/** How an API is tried. */
export interface Trial {
  readonly cases: readonly Case[]
  /** Made anew each time, so that no two tokens are the same; undefined where the keys do not allow the case. */
  readonly token: (of: Case) => Promise<string | undefined>
  readonly send: (token: string) => Promise<Answered>
  readonly isAccepted: (status: number) => boolean
  /** Requests that are under way at once. */
  readonly concurrency: number
  readonly onProgress: (done: number, all: number) => void
}

/** Sends every case to an API, some at a time, and judges the answers; in the order of the cases. */
export async function tryAll({ cases, token: make, send, isAccepted, concurrency, onProgress }: Trial): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const waiting = [...cases.entries()]
  let done = 0
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [at, of] = next
      const token = await make(of)
      const got = token === undefined ? undefined : await send(token)
      findings[at] = { of, got, verdict: judge(of, got, isAccepted) }
      done += 1
      onProgress(done, cases.length)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return findings
}

/** What an answer says of the API. */
export function judge({ expected, level }: Case, got: Answered | undefined, isAccepted: (status: number) => boolean): Verdict {
  if (got === undefined) return 'skipped'
  const wasAccepted = got !== 'no answer' && isAccepted(got)
  if (wasAccepted === (expected === 'accept')) return got !== 'no answer' && got >= 500 ? 'CRASH' : 'ok'
  if (level === 'should') return 'note'
  return expected === 'refuse' ? 'HOLE' : 'TOO STRICT'
}

/** Whether every bad token was refused, and every good one accepted. */
export function isSound(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict === 'ok' || verdict === 'note' || verdict === 'skipped')
}
