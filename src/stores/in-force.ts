import type { Force, InForce } from '../audit/checkpoint.ts'
import type { Ring } from '../keyring/ring.ts'

/** When each key of a ring was in force. */
export function inForce({ keys, history }: Ring): InForce {
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
