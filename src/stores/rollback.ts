import { NO_RECORD } from '../audit/chain.ts'
import type { KnownRing } from '../audit/opened.ts'
import type { Config } from '../config/config.ts'
import type { Event } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { sha256 } from '../jose/digest.ts'
import { accepting } from '../keyring/accepting.ts'
import { KeyringFault } from '../keyring/fault.ts'
import type { Decision } from '../keyring/moves.ts'
import type { Committed } from '../keyring/replica.ts'
import type { Ring } from '../keyring/ring.ts'
import type { OpenAudit } from './open-audit.ts'

/** The ring of a store, and the newest that other records know. */
interface Compared extends Pick<Config, 'acceptRollback'> {
  readonly held: Committed | undefined
  readonly newest: KnownRing | undefined
  /** Whether the ring of the store is not the newest. */
  readonly isOlder: boolean
  readonly audit: OpenAudit | undefined
  /** The keys that the witness knows as revoked. */
  readonly revoked: readonly string[]
}

/** What an operator accepted: its event, and what has to be committed. */
interface Rollback {
  readonly event: Event
  readonly decision: Decision<never>
}

/** What was accepted of an older ring, or of a log that the ring does not know; undefined if nothing is wrong. */
export async function accepted(compared: Compared): Promise<Result<Rollback | undefined, KeyringFault>> {
  const { held, newest, isOlder, audit, acceptRollback } = compared
  const logProblem = held && audit && problemOf(audit, held.ring)
  const problem = isOlder && newest !== undefined ? await olderThan(newest, compared) : logProblem
  const generation = held?.ring.generation ?? 0
  if (problem === undefined) return ok(undefined)
  if (acceptRollback?.generation !== generation) return refused(problem, generation)
  const { reason } = acceptRollback
  const known = newest?.generation ?? generation
  const place = logProblem === undefined ? undefined : audit?.file.place
  return ok({
    event: { name: 'rollback.accepted', generation, known, reason },
    decision: accepting({ generation: known, place, reason: isOlder ? reason : undefined }),
  })
}

function refused(problem: string, generation: number): Result<never, KeyringFault> {
  const way = `put the newest copy back, or accept what is there: --accept-rollback ${generation}:REASON`
  return fail(new KeyringFault('rolled_back', `${problem}. To go on, ${way}`))
}

/** What is wrong with a log that a ring has a head of. */
function problemOf({ log: { found }, file }: OpenAudit, { heads = [] }: Ring): string | undefined {
  const { chain, head } = found
  const own = heads.find((one) => one.chain === chain)
  const there = heads.find(({ place }) => place === file.place)
  if (own === undefined && there === undefined) return undefined
  if (own === undefined) {
    const what = head === NO_RECORD ? 'missing' : 'another one'
    return `The audit log of this server is ${what}: the ring knows ${there?.seq} records of it`
  }
  if (head.seq < own.seq) return `The audit log ends with record ${head.seq}, but the ring knows ${own.seq} of it`
  const line = head.seq === own.seq ? undefined : file.lastWith(`{"seq":${own.seq},`)
  const hash = head.seq === own.seq ? head.hash : line === undefined ? own.hash : sha256(line)
  return hash === own.hash ? undefined : `Record ${own.seq} of the audit log is not the one that the ring knows`
}

/** Which ring was in force, and what the one in the store would undo. */
async function olderThan(newest: KnownRing, { held, audit, revoked: known }: Compared): Promise<string> {
  const what = held === undefined ? 'The store is empty' : `The store holds ring ${held.ring.generation}`
  const { revokedIn } = await import('./revoked.ts')
  const revoked = new Set([...await revokedIn(audit?.file.place), ...known])
  const undone = held?.ring.keys.filter(({ jwk }) => revoked.has(jwk.kid)).map(({ jwk }) => jwk.kid) ?? []
  const undoes = undone.length === 0 ? '' : `. It would undo the revocation of ${undone.join(', ')}`
  return `${what}, but ring ${newest.generation} was in force here${undoes}`
}
