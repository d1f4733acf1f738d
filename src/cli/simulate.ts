import type { Config } from '../config/config.ts'
import { proofOf } from '../config/promise.ts'
import { parseDuration } from '../core/duration.ts'
import { systemSays } from '../core/errno.ts'
import { type Seconds, seconds } from '../core/time.ts'
import { NO_MARKS } from '../keyring/policy.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { systemRandom } from '../system/random.ts'
import { replaceFile } from '../system/replace-file.ts'
import { simulationJson, simulationText } from '../testkit/simulate/report.ts'
import type { Life, Replay } from '../testkit/simulate/schedule.ts'
import { defaultSpan, simulate as simulated } from '../testkit/simulate/simulate.ts'
import { type Command, JSON_FLAG } from './command.ts'

/** More intervals show nothing new. */
const MAX_INTERVALS = 1000

/** `jwksd simulate`: which verifiers fail in months of this configuration; exit 1 if a promise is broken. */
export const simulate: Command = {
  words: [],
  flags: [
    { name: 'span', value: 'DURATION', meaning: 'how long to simulate; 26 times --rotation-interval by default' },
    { name: 'skew', value: 'DURATION', meaning: 'the real error of the clocks; --clock-error by default' },
    {
      name: 'outage', value: 'DURATION',
      meaning: 'how long the store is out of reach at the worst moment; a tenth of --rotation-interval by default',
    },
    { name: 'svg', value: 'FILE', meaning: 'draw the keys in their first rotation as SVG' },
    JSON_FLAG,
  ],
  meaning: 'Show which verifiers fail in months of this configuration; exit 1 if one fails that honours max-age.',
  example: 'jwksd simulate --lead 1h --jwks-max-age 10m',
  run: ({ config, own }) => simulateVerifiers(config, own),
}

async function simulateVerifiers(config: Config, own: Readonly<Record<string, string>>): Promise<void> {
  const policy = config.policy(NO_MARKS)
  const { interval, clockError } = policy.timing
  const lengths = { span: defaultSpan(policy), skew: clockError, outage: seconds(Math.floor(interval / 10)) }
  for (const name of ['span', 'skew', 'outage'] as const) {
    const length: Seconds | undefined = own[name] === undefined ? lengths[name] : parseDuration(own[name])
    if (length === undefined) return refuse(EXIT.config, `--${name} must be a duration such as 90s, 15m, 48h, 7d`)
    lengths[name] = length
  }
  if (lengths.span > MAX_INTERVALS * interval) {
    return refuse(EXIT.config, `--span must not be more than ${MAX_INTERVALS} times --rotation-interval`)
  }
  const replay: Replay = { policy, ...lengths }
  const simulation = simulated(replay)
  const write = own['json'] === undefined ? simulationText : simulationJson
  process.stdout.write(write(replay, proofOf(config), simulation))
  if (own['svg'] !== undefined) await draw(own['svg'], simulation.lives, replay)
  if (simulation.outcomes.some(({ kind, failed }) => kind.isPromised && failed > 0)) process.exitCode = EXIT.refused
}

async function draw(path: string, lives: readonly Life[], replay: Replay): Promise<void> {
  try {
    const { rotationSvg } = await import('./picture.ts')
    await replaceFile({ path, content: rotationSvg(lives, replay), randomBytes: systemRandom })
  } catch (error) {
    refuse(EXIT.refused, `Cannot write ${path}: ${systemSays(error)}`)
  }
}
