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
  /** It answered with a fault of its own. */
  | 'CRASH'
  /** It differs from good practice. */
  | 'note'
  /** The keys of the issuer do not allow the case. */
  | 'skipped'

/** One case, the answer to its token, and the verdict; `got` is undefined where there was no token. */
export interface Finding {
  readonly of: Case
  readonly got: Answered | undefined
  readonly verdict: Verdict
}

/** Judges the answer to one case. */
export function findingOf(of: Case, got: Answered | undefined, isAccepted: (got: Answered) => boolean): Finding {
  return { of, got, verdict: got === undefined ? 'skipped' : judge(of, got, isAccepted(got)) }
}

function judge({ expected, level }: Case, got: Answered, wasAccepted: boolean): Verdict {
  if (wasAccepted === (expected === 'accept')) return got !== 'no answer' && got >= 500 ? 'CRASH' : 'ok'
  if (level === 'should') return 'note'
  return expected === 'refuse' ? 'HOLE' : 'TOO STRICT'
}

/** Whether every bad token was refused, and every good one accepted. */
export function isSound(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict === 'ok' || verdict === 'note' || verdict === 'skipped')
}
