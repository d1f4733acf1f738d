import type { Config } from '../config/config.ts'
import { proofOf } from '../config/promise.ts'
import { parseDuration } from '../core/duration.ts'
import { type Seconds, seconds } from '../core/time.ts'
import { NO_MARKS } from '../keyring/policy.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { type Command, JSON_FLAG } from './command.ts'
import { simulationJson, simulationText } from '../testkit/simulate/report.ts'
import type { Replay } from '../testkit/simulate/schedule.ts'
import { simulate as replay, usualSpan } from '../testkit/simulate/simulate.ts'

/** More intervals tell nothing new. */
const MOST_INTERVALS = 1000

/** `jwksd simulate`: what verifiers of several kinds make of months of this configuration; exit 1 when a promised one fails. */
export const simulate: Command = {
  words: [],
  flags: [
    { name: 'span', value: 'DURATION', meaning: 'how long to simulate; 26 times --rotation-interval by default' },
    { name: 'skew', value: 'DURATION', meaning: 'the real error of the clocks; --clock-error by default' },
    {
      name: 'outage', value: 'DURATION',
      meaning: 'how long the store is out of reach at the worst moment; a tenth of --rotation-interval by default',
    },
    JSON_FLAG,
  ],
  meaning: 'Show what verifiers of several kinds make of months of this configuration; exit 1 if one that honours max-age fails.',
  example: 'jwksd simulate --lead 1h --jwks-max-age 10m',
  run: ({ config, own }) => simulateVerifiers(config, own),
}

async function simulateVerifiers(config: Config, said: Readonly<Record<string, string>>): Promise<void> {
  const policy = config.policy(NO_MARKS)
  const { interval, clockError } = policy.timing
  const lengths = { span: usualSpan(policy), skew: clockError, outage: seconds(Math.floor(interval / 10)) }
  for (const name of ['span', 'skew', 'outage'] as const) {
    const length: Seconds | undefined = said[name] === undefined ? lengths[name] : parseDuration(said[name])
    if (length === undefined) return refuse(EXIT.config, `--${name} must be a duration such as 90s, 15m, 48h, 7d`)
    lengths[name] = length
  }
  if (lengths.span > MOST_INTERVALS * interval) return refuse(EXIT.config, `--span must not be more than ${MOST_INTERVALS} times rotation-interval`)
  const trial: Replay = { policy, ...lengths }
  const simulation = replay(trial)
  const write = said['json'] === undefined ? simulationText : simulationJson
  process.stdout.write(write(trial, proofOf(config), simulation))
  if (simulation.outcomes.some(({ kind, failed }) => kind.isPromised && failed > 0)) process.exitCode = EXIT.refused
}
