import { after, type Instant, later, never, type Seconds, seconds } from '../core/time.ts'
import { AT_ONCE, dueAt, type Rules } from './advance.ts'
import { retentionInForce } from './policy.ts'
import { inOrder, type Key, type Ring, standbyOf } from './ring.ts'

/** What becomes of a published key, if no operator intervenes. */
interface KeyOutlook {
  readonly kid: string
  readonly alg: string
  readonly state: Key['state']
  /** When this state began; undefined until a ring with it was seen committed. */
  readonly since: Instant | undefined
  readonly next: 'active' | 'retired' | 'removed'
  /** When that happens; undefined while its successor is not published. */
  readonly nextAt: Instant | undefined
  readonly removedAt: Instant | undefined
  /** Seconds that `since` lies ahead of the clock: then `nextAt` is counted from when this process found it so. */
  readonly ahead?: Seconds
}

/** The published keys in the order of the JWK Set, with what becomes of them. */
export function outlook(ring: Ring, rules: Rules, now: Instant): readonly KeyOutlook[] {
  const { policy, policy: { timing }, watch } = rules
  const kept = retentionInForce(timing, ring.marks)
  const dueOf = (key: Key | undefined): Instant | undefined => {
    const due = key === undefined ? AT_ONCE : dueAt(key, ring, rules)
    return due === AT_ONCE || due === never ? undefined : later(now, due)
  }
  const plus = (moment: Instant | undefined, length: number): Instant | undefined =>
    moment === undefined ? undefined : after(moment, seconds(length))
  return inOrder(ring.keys, policy).map((key): KeyOutlook => {
    const { kid, alg } = key.jwk
    const ahead = seconds(Math.ceil(watch(key)?.ahead ?? 0))
    const known = ahead > 0 ? { kid, alg, ahead } : { kid, alg }
    const nextAt = dueOf(key.state === 'active' ? standbyOf(ring.keys, alg) ?? key : key)
    switch (key.state) {
      case 'standby': {
        const isOwn = policy.algs.includes(alg)
        const removedAt = isOwn ? plus(nextAt, timing.interval + kept) : nextAt
        const next = isOwn ? 'active' : 'removed'
        return { ...known, state: key.state, since: key.publishedAt, next, nextAt, removedAt }
      }
      case 'active': {
        const removedAt = plus(nextAt, kept)
        return { ...known, state: key.state, since: key.activeAt, next: 'retired', nextAt, removedAt }
      }
      case 'retired':
        return { ...known, state: key.state, since: key.retiredAt, next: 'removed', nextAt, removedAt: nextAt }
      default:
        return key satisfies never
    }
  })
}
