import type { Force, InForce } from '../audit/checkpoint.ts'
import type { AuditLog } from '../audit/log.ts'
import { ok, type Result } from '../core/result.ts'
import type { KeyringFault } from '../keyring/fault.ts'
import type { Committed } from '../keyring/replica.ts'
import type { Ring } from '../keyring/ring.ts'

/** Compares the ring that a store holds with the audit log, and records how the log was found. */
export async function judge(held: Committed | undefined, log: AuditLog): Promise<Result<void, KeyringFault>> {
  await log.start(held && inForce(held.ring))
  return ok(undefined)
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
