import type { Timing } from '../../keyring/policy.ts'

/** What Secrets with marks hold at most; `jwksd check` prints it. */

/** Secrets with used identifiers. */
export const SHARDS = 8
/** Bytes of a Secret with marks, at most: each write sends all of it, and Kubernetes refuses 1 MiB. */
export const MAX_SHARD_BYTES: number = 512 * 1024
/** Bytes of a mark: its name of 22 characters, its minute of 10, its number of 8, and what lies between. */
const MARK_BYTES = 43
/** Marks of a Secret, at most. */
const MAX_SHARD_MARKS: number = Math.floor(MAX_SHARD_BYTES / MARK_BYTES)
/** Marks end with their minute, and are kept a little longer than they count. */
const MINUTE = 60
export const SPARE_SECONDS = 60
const [SHORT_SECONDS, LONG_SECONDS] = [60, 3600]

/** How many identifiers fit, and so how many may come in a second. */
export function marksText({ clockError, maxTtl }: Pick<Timing, 'clockError' | 'maxTtl'>): string {
  const rate = (marks: number, life: number): number =>
    Number((marks / (life + MINUTE + SPARE_SECONDS + 2 * clockError)).toPrecision(2))
  const used = SHARDS * MAX_SHARD_MARKS
  const assertions = [SHORT_SECONDS, LONG_SECONDS].map((life) => `${rate(used, life)} that live for ${life} s`)
  return `marks <= ${used} used and ${MAX_SHARD_MARKS} revoked identifiers, in Secrets of ${MAX_SHARD_BYTES} bytes\n` +
    `    assertions a second: ${assertions.join(', ')}; revoked tokens a second: ${rate(MAX_SHARD_MARKS, maxTtl)}\n`
}
