import type { Force, InForce } from '../audit/checkpoint.ts'
import { NO_RECORD } from '../audit/chain.ts'
import type { KnownRing } from '../audit/opened.ts'
import type { Config } from '../config/config.ts'
import type { Emit } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { sha256 } from '../jose/digest.ts'
import { accepting, anchored } from '../keyring/anchor.ts'
import type { Anchor } from '../keyring/anchored.ts'
import { KeyringFault } from '../keyring/fault.ts'
import type { Committed } from '../keyring/replica.ts'
import type { Ring } from '../keyring/ring.ts'
import type { OpenAudit } from './open-audit.ts'

/** A file on another disk that knows the newest ring: an older copy of the store is noticed. */
export interface Witness {
  readonly ring: KnownRing | undefined
  /** The keys that were revoked. */
  readonly revoked: readonly string[]
  /** Writes down a ring that is in force; never rejects. */
  readonly write: (ring: Ring, version: string) => Promise<void>
}

/** What knows about the ring besides its store. */
export interface AnchorDeps {
  readonly audit: OpenAudit | undefined
  readonly witness: Witness | undefined
  readonly emit: Emit
}

/** Holds the ring of a store to the audit log and the witness, and the log to the ring. */
export function anchorIn({ acceptRollback }: Config, deps: AnchorDeps): Anchor {
  const { audit, witness, emit } = deps
  return {
    anchored: (next, anchoring) => {
      const { place } = audit?.file ?? {}
      const head = audit?.log.head()
      return place === undefined || head === undefined || head.seq === 0 ? next
        : anchored(next, { ...head, place }, anchoring)
    },
    served: (ring, version) => {
      emit({ name: 'ring.served', generation: ring.generation, ring: version })
      void witness?.write(ring, version)
    },
    judge: async (held) => {
      const records = [audit?.log.found.ring, witness?.ring].flatMap((one) => one ?? [])
      const newest = records.toSorted((one, other) => other.generation - one.generation)[0]
      const isOlder = newest !== undefined && !isAsNew(held, newest)
      const logProblem = held && audit && problemOf(audit, held.ring)
      const problem = isOlder ? await olderThan(newest, held, deps) : logProblem
      const generation = held?.ring.generation ?? 0
      const isAccepted = acceptRollback?.generation === generation
      if (problem !== undefined && !isAccepted) return refused(problem, generation)
      await audit?.log.start(held && inForce(held.ring))
      if (problem === undefined || acceptRollback === undefined) return ok(undefined)
      const { reason } = acceptRollback
      const known = newest?.generation ?? generation
      emit({ name: 'rollback.accepted', generation, known, reason })
      const place = logProblem === undefined ? undefined : audit?.file.place
      return ok(accepting({ generation: known, place, reason: isOlder ? reason : undefined }))
    },
  }
}

function isAsNew(held: Committed | undefined, { generation, ring }: KnownRing): boolean {
  const own = held?.ring.generation ?? 0
  return own > generation || (own === generation && held?.version as string | undefined === ring)
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

async function olderThan(newest: KnownRing, held: Committed | undefined, deps: AnchorDeps): Promise<string> {
  const what = held === undefined ? 'The store is empty' : `The store holds ring ${held.ring.generation}`
  const { revokedIn } = await import('./revoked.ts')
  const revoked = new Set([...await revokedIn(deps.audit?.file.place), ...deps.witness?.revoked ?? []])
  const undone = held?.ring.keys.filter(({ jwk }) => revoked.has(jwk.kid)).map(({ jwk }) => jwk.kid) ?? []
  const undoes = undone.length === 0 ? '' : `. It would undo the revocation of ${undone.join(', ')}`
  return `${what}, but ring ${newest.generation} was in force here${undoes}`
}

/** When each key of a ring was in force. */
function inForce({ keys, history }: Ring): InForce {
  const present = keys.map((key): [string, Force] => [key.jwk.kid, {
    from: key.state === 'standby' ? Infinity : key.activeAt,
    to: (key.state === 'retired' ? key.retiredAt : undefined) ?? Infinity,
    isRevoked: false,
  }])
  const past = history.map((key): [string, Force] => [key.jwk.kid, {
    from: key.activeAt ?? Infinity, to: key.retiredAt ?? key.removedAt, isRevoked: key.why === 'revoked',
  }])
  return new Map([...past, ...present])
}
