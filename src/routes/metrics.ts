import { count, sumOf, type Tally } from '../core/tally.ts'
import type { Clock } from '../core/time.ts'
import { type Reply, reply } from '../http/reply.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { outlook } from '../keyring/outlook.ts'

/** What the metrics are made of. */
export interface MetricsDeps {
  readonly keyring: Pick<Keyring, 'health' | 'lastSeen' | 'policy' | 'watch'>
  /** What was counted, by all workers. */
  readonly total: () => Tally
  readonly now: Clock
}

/** Every metric: its name, kind and meaning. */
const FAMILIES: readonly (readonly [string, 'counter' | 'gauge', string])[] = [
  ['jwksd_events_total', 'counter', 'What happened, as the log names it.'],
  ['jwksd_requests_total', 'counter', 'Requests that a path has answered.'],
  ['jwksd_ready', 'gauge', '1 while the view of the store is fresh enough to sign and to publish.'],
  ['jwksd_view_age_seconds', 'gauge', 'Time since the store was last read.'],
  ['jwksd_keys', 'gauge', 'Published keys.'],
  ['jwksd_promotion_timestamp_seconds', 'gauge', 'When the next key of an algorithm begins to sign.'],
]

/** Counters of all workers, and how the keys stand, in the text format of Prometheus (version 0.0.4). */
export function metrics(deps: MetricsDeps): Reply {
  const samples = [...sumOf([deps.total(), gauges(deps)])].toSorted()
  const lines = FAMILIES.flatMap(([name, kind, meaning]) => [
    `# HELP ${name} ${meaning}`,
    `# TYPE ${name} ${kind}`,
    ...samples.filter(([sample]) => sample.split('{')[0] === name).map(([sample, value]) => `${sample} ${value}`),
  ])
  return reply(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, `${lines.join('\n')}\n`)
}

function gauges({ keyring, now }: MetricsDeps): Tally {
  const { ready, viewAge } = keyring.health()
  const samples: Tally = new Map([['jwksd_ready', Number(ready)], ['jwksd_view_age_seconds', viewAge]])
  for (const { alg, state, nextAt } of outlook(keyring.lastSeen().ring, keyring, now())) {
    count(samples, `jwksd_keys{alg="${alg}",state="${state}"}`)
    if (state !== 'standby' || nextAt === undefined) continue
    samples.set(`jwksd_promotion_timestamp_seconds{alg="${alg}"}`, nextAt)
  }
  return samples
}
