import type { Issuer } from '../core/issuer.ts'
import { after, type Clock, type Instant, numericDate, type Seconds } from '../core/time.ts'
import type { Handler } from '../http/call.ts'
import { json, type Reply, reply } from '../http/reply.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { outlook } from '../keyring/outlook.ts'
import { raiseMarks, retentionInForce } from '../keyring/policy.ts'
import type { Key, Ring } from '../keyring/ring.ts'
import type { Snapshot } from '../keyring/snapshot.ts'
import { CONTENT_SECURITY_POLICY, pageHtml } from '../web/page.ts'
import type { KeyView, RingView } from '../web/view.ts'
import { outOfReach } from './document.ts'

/** What the page needs. */
export interface PageDeps {
  readonly keyring: Pick<Keyring, 'current' | 'policy' | 'watch'>
  readonly issuer: Issuer
  readonly audience: string | readonly string[]
  /** Whether `/auth` is open. */
  readonly canMint: boolean
  readonly now: Clock
  /** The files of the page by name. */
  readonly files: ReadonlyMap<string, string>
}

const COMMON = { 'content-security-policy': CONTENT_SECURITY_POLICY, 'referrer-policy': 'no-referrer' }
/** The media type of each file of the page, by the end of its name. */
const TYPES: ReadonlyMap<string | undefined, string> = new Map([
  ['css', 'text/css'], ['js', 'text/javascript'], ['svg', 'image/svg+xml'], ['html', 'text/html'],
])

/** The handlers of the page by path: the page, the state that it reads, and its files, whose answers are made once. */
export function pageHandlers(deps: PageDeps): ReadonlyMap<string, Handler> {
  const answering = (answer: (snapshot: Snapshot) => Reply): Handler => async () => {
    const snapshot = await deps.keyring.current()
    return snapshot === undefined ? outOfReach() : answer(snapshot)
  }
  return new Map<string, Handler>([
    ...[...deps.files].map(([name, text]): [string, Handler] => {
      const file = fileReply(name, text)
      return [`/page/${name}`, () => file]
    }),
    ['/', answering((snapshot) => fileReply('index.html', pageOf(snapshot, deps)))],
    ['/page/state.json', answering(({ ring }) => json(200, ringView(ring, deps)))],
  ])
}

function fileReply(name: string, text: string): Reply {
  const type = `${TYPES.get(name.split('.').at(-1))}; charset=utf-8`
  return reply(200, { 'content-type': type, ...COMMON }, text)
}

function pageOf({ ring, algs }: Snapshot, deps: PageDeps): string {
  const { issuer: { url, base }, audience, canMint, keyring: { policy: { timing } } } = deps
  const { ttl, maxTtl } = timing
  return pageHtml(deps.files.get('index.html') ?? '', {
    ...ringView(ring, deps),
    issuer: url,
    jwksUri: `${base}/.well-known/jwks.json`,
    audiences: canMint ? [audience].flat() : [],
    algs,
    canMint,
    ttl,
    maxTtl,
    longest: raiseMarks(ring.marks, timing).maxTtl,
  })
}

function ringView(ring: Ring, { keyring, now }: PageDeps): RingView {
  const { interval, lead } = keyring.policy.timing
  const [moment, past] = [now(), retentionInForce(keyring.policy.timing, ring.marks) + interval / 2]
  const gone = ring.history.filter(({ removedAt }) => removedAt > moment - past)
  const plans = new Map(outlook(ring, keyring, moment).map((plan) => [plan.kid, plan]))
  const keys = [
    ...gone.map((key) => keyView({ ...key, state: 'removed' })),
    ...ring.keys.map((key) => keyView(planned(key, plans.get(key.jwk.kid), interval))),
  ]
  return { now: moment, past, ahead: interval + lead, keys }
}

/** The moments of a key, past and planned. */
interface Moments extends Pick<KeyView, 'jwk' | 'state'> {
  readonly publishedAt: Instant | undefined
  readonly activeAt?: Instant | undefined
  readonly retiredAt?: Instant | undefined
  readonly removedAt?: Instant | undefined
}

function planned(key: Key, plan: ReturnType<typeof outlook>[number] | undefined, interval: Seconds): Moments {
  const { next, nextAt, removedAt } = plan ?? {}
  switch (key.state) {
    case 'standby': {
      const activeAt = next === 'active' ? nextAt : undefined
      return { ...key, activeAt, retiredAt: activeAt && after(activeAt, interval), removedAt }
    }
    case 'active':
      return { ...key, retiredAt: nextAt, removedAt }
    case 'retired':
      return { ...key, removedAt }
    default:
      return key satisfies never
  }
}

function keyView({ jwk, state, publishedAt, activeAt, retiredAt, removedAt }: Moments): KeyView {
  const [published_at, active_from, active_to, removed_at] =
    [publishedAt, activeAt, retiredAt, removedAt].map((moment) => moment && numericDate(moment))
  return { jwk, state, published_at, active_from, active_to, removed_at }
}
