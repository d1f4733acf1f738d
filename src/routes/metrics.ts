import type { Event } from '../core/event.ts'
import { count, requestSample, sumOf, type Tally } from '../core/tally.ts'
import { type Clock, type Instant, later } from '../core/time.ts'
import type { Call } from '../http/call.ts'
import { type Reply, reply } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import { AT_ONCE, dueAt } from '../keyring/advance.ts'
import type { Keyring } from '../keyring/keyring.ts'

/** What the metrics are made of. */
export interface MetricsDeps {
  readonly keyring: Pick<Keyring, 'health' | 'lastSeen' | 'policy' | 'watch'>
  /** `/readyz`. */
  readonly ready: Route
  /** The paths of the public address. */
  readonly paths: ReadonlySet<string>
  /** What was counted, by all workers. */
  readonly total: () => Tally
  readonly build: { readonly version: string; readonly node: string }
  readonly now: Clock
  /** The certificate of the public address; undefined without TLS. */
  readonly tls: { readonly expires: () => Instant } | undefined
}

/** Every metric: its name, kind and meaning. */
const FAMILIES: readonly (readonly [string, 'counter' | 'gauge', string])[] = [
  ['jwksd_build_info', 'gauge', '1; the labels say which jwksd runs on which Node.js.'],
  ['jwksd_events_total', 'counter', 'What happened, as the log names it.'],
  ['jwksd_requests_total', 'counter', 'Responses, by path and status code.'],
  ['jwksd_ready', 'gauge', '1 while /readyz answers 200.'],
  ['jwksd_view_age_seconds', 'gauge', 'Time since the store was last read.'],
  ['jwksd_keys', 'gauge', 'Published keys.'],
  ['jwksd_promotion_timestamp_seconds', 'gauge', 'When the next key of an algorithm begins to sign.'],
  ['jwksd_certificate_expiry_timestamp_seconds', 'gauge', 'When the certificate for TLS expires.'],
]

/** Every event, and whether it is counted for each algorithm. */
const EVENTS: { readonly [Name in Event['name']]: Extract<Event, { name: Name }> extends { alg: string } ? 1 : 0 } = {
  'policy.proved': 0, 'store.volatile': 0, 'store.created': 0, 'store.mode_restored': 0, 'store.failed': 0,
  'store.recovered': 0,
  'stamps.ahead': 0, 'stamps.passed': 0, 'key.created': 1, 'key.published': 1, 'key.promoted': 1, 'key.retired': 1,
  'tokens.revoked': 0, 'request.refused': 0, 'jwks.dropped': 0,
  'key.removed': 1, 'key.revoked': 1, 'token.minted': 1, 'token.revoked': 0, 'client.refused': 0, 'clients.loaded': 0,
  'jwks.failed': 0, 'clients.failed': 0, 'operator.ordered': 0, 'operator.refused': 0, 'config.loaded': 0,
  'keys.unsealed': 0, 'keys.mixed': 0, 'audit.failed': 0, 'audit.recovered': 0, 'audit.torn': 0, 'audit.unclosed': 0,
  'certificate.loaded': 0, 'certificate.failed': 0, 'certificate.expires': 0, 'proxies.untrusted': 0,
  'audit.checkpoint': 0, 'audit.begun': 0, 'audit.folded': 0, 'audit.segment': 0,
  'ring.served': 0, 'rollback.accepted': 0, 'witness.failed': 0, 'auth.open': 0,
  'config.unknown': 0, 'log.dropped': 0, 'worker.ended': 0, 'workers.single': 0, 'threads.single': 0,
  'server.listening': 0, 'server.stopping': 0, 'server.stopped': 0, 'server.fault': 0,
}

/** Counted from zero on each path: where a counter is missing, Prometheus does not see its first event. */
const STATUSES = [200, 400, 401, 429, 500, 503]
const STATES = ['standby', 'active', 'retired']

/** Counters of all workers, and how the keys stand, in the text format of Prometheus (version 0.0.4). */
export async function metrics(call: Call, deps: MetricsDeps): Promise<Reply> {
  const ready = await deps.ready.methods.GET?.(call)
  const samples = [...sumOf([zeros(deps), deps.total(), gauges(deps, ready?.status === 200)])].toSorted()
  const lines = FAMILIES.flatMap(([name, kind, meaning]) => [
    `# HELP ${name} ${meaning}`,
    `# TYPE ${name} ${kind}`,
    ...samples.filter(([sample]) => sample.split('{')[0] === name).map(line),
  ])
  return reply(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, `${lines.join('\n')}\n`)
}

/** One sample, rounded to thousandths. */
function line([sample, value]: readonly [string, number]): string {
  return `${sample} ${Math.round(value * 1000) / 1000}`
}

/** Every counter that we know of, and the number of keys in each state. */
function zeros({ keyring: { policy: { algs } }, paths }: MetricsDeps): Tally {
  const ofAlgs = algs.map((alg) => `,alg="${alg}"`)
  const events = Object.entries(EVENTS).flatMap(([event, byAlg]) =>
    (byAlg === 1 ? ofAlgs : ['']).map((alg) => `jwksd_events_total{event="${event}"${alg}}`))
  const requests = [...paths].flatMap((path) => STATUSES.map((status) => requestSample(path, status)))
  const keys = algs.flatMap((alg) => STATES.map((state) => `jwksd_keys{alg="${alg}",state="${state}"}`))
  return new Map([...events, ...requests, requestSample('other', 404), ...keys].map((sample) => [sample, 0]))
}

function gauges({ keyring, build, now, tls }: MetricsDeps, isReady: boolean): Tally {
  const samples: Tally = new Map([
    [`jwksd_build_info{version="${build.version}",node="${build.node}"}`, 1],
    ['jwksd_ready', Number(isReady)],
    ['jwksd_view_age_seconds', keyring.health().viewAge],
  ])
  if (tls !== undefined) samples.set('jwksd_certificate_expiry_timestamp_seconds', tls.expires())
  const { ring } = keyring.lastSeen()
  for (const key of ring.keys) {
    const { state, jwk: { alg } } = key
    count(samples, `jwksd_keys{alg="${alg}",state="${state}"}`)
    const due = dueAt(key, ring, keyring)
    if (state !== 'standby' || due === AT_ONCE) continue
    samples.set(`jwksd_promotion_timestamp_seconds{alg="${alg}"}`, later(now(), due))
  }
  return samples
}
