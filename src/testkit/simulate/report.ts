import { type Instant, instant } from '../../core/time.ts'
import type { ProofLine } from '../../keyring/proof.ts'
import { unsafeText } from '../../keyring/unusable.ts'
import type { Life, Replay } from './schedule.ts'
import type { Outcome, Simulation } from './simulate.ts'

/** The size of the timeline. */
const [COLUMNS, ROWS] = [64, 6]
const DAY = 86_400
const UNITS = [['d', DAY, Infinity], ['h', 3600, 24], ['m', 60, 60], ['s', 1, 60]] as const

/** A simulation for a person: what was tried, the life of each key, the failures, and each first failure as a story. */
export function simulationText(replay: Replay, proof: readonly ProofLine[], simulation: Simulation): string {
  const broken = proof.filter(({ holds }) => !holds)
  return [
    ...broken.map((line) => `jwksd does not start like this: ${unsafeText(line)}\n`),
    ...head(replay, simulation),
    '',
    ...timeline(simulation.lives, replay),
    '',
    ...table(simulation),
    ...simulation.outcomes.flatMap((outcome) => story(outcome, replay)),
    '',
    ...simulation.outcomes.filter(({ kind }) => kind.isPromised).map(promise),
    '',
  ].join('\n')
}

function promise({ kind: { name }, failed }: Outcome): string {
  return failed === 0 ? `No verifier that ${name} fails.` : `The promise does not hold: a verifier that ${name} fails.`
}

/** The same for a program; moments are seconds since the start, null after its end. */
export function simulationJson(replay: Replay, proof: readonly ProofLine[], simulation: Simulation): string {
  const { policy: { timing, algs: [alg] }, span, skew, outage } = replay
  const { lives, outages, every, outcomes } = simulation
  const verifiers = outcomes.map(({ kind, first, ...counts }) => ({
    kind: kind.name,
    promised: kind.isPromised,
    ...counts,
    first: first === undefined ? undefined : { ...first, key: first.key.number },
  }))
  const proved = proof.every(({ holds }) => holds)
  const whole = { alg, timing, span, skew, outage, every, proved, keys: lives, outages, verifiers }
  return `${JSON.stringify(whole, undefined, 2)}\n`
}

function head({ policy: { timing, algs: [alg] }, span, skew }: Replay, simulation: Simulation): readonly string[] {
  const { lives, outages: [outage], every } = simulation
  const turns = lives.filter(({ number, activeAt }) => number > 1 && activeAt < Infinity).length
  const [interval, lead, retention] = [timing.interval, timing.lead, timing.retention].map(lengthText)
  const [maxTtl, maxAge, propagation] = [timing.maxTtl, timing.maxAge, timing.propagation].map(lengthText)
  const lost = outage === undefined
    ? 'The store is never out of reach.'
    : `The store is out of reach for ${lengthText(outage.to - outage.from)} as every third key should begin to sign.`
  return [
    `${lengthText(span)} of ${alg}: a key signs for ${interval}, is published at least ${lead} before and ` +
      `${retention} after; ${turns} rotations.`,
    `Clocks are ${lengthText(skew)} wrong. ${lost} Every third key is made as late as its lead allows.`,
    `A token is made every ${lengthText(every)} and at each turn, lives ${maxTtl}, and is used at once and in its ` +
      'last moment.',
    `Sets may be ${maxAge} old in each of ${timing.cacheLayers} caches, and take ${propagation} to get there.`,
  ]
}

/** The first keys, a row each. */
function timeline(lives: readonly Life[], { policy: { timing }, span }: Replay): readonly string[] {
  const shown = lives.slice(0, ROWS)
  const length = Math.min(span, (ROWS - 1) * timing.interval)
  const moments = Array.from({ length: COLUMNS }, (_none, at) => (at + 0.5) * length / COLUMNS)
  const row = (life: Life): string => moments.map((at) => stateAt(life, at)).join('').trimEnd()
  return [
    ...shown.map((life) => `  key ${String(life.number).padEnd(3)} ${row(life)}`),
    `          ${'0'.padEnd(COLUMNS - 8)}${lengthText(length).padStart(8)}`,
    '          - published   # signs   = kept',
  ]
}

function stateAt({ publishedAt, activeAt, retiredAt, removedAt }: Life, at: number): string {
  if (at < publishedAt || at >= removedAt) return ' '
  return at < activeAt ? '-' : at < retiredAt ? '#' : '='
}

function table({ outcomes }: Simulation): readonly string[] {
  const rows = outcomes.map(({ kind, tried, failed, share }) => [
    kind.name,
    failed === 0 ? `none of ${tried}` : `${failed} of ${tried} at the unluckiest`,
    failed === 0 ? '' : percent(share),
  ])
  const all = [['verifier', 'failed verifications', 'at all of its kind'], ...rows]
  const widths = [0, 1].map((column) => Math.max(...all.map((cells) => (cells[column] ?? '').length)))
  return all.map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
}

function percent(share: number): string {
  return share < 0.0001 ? 'less than 0.01 %' : `${(share * 100).toFixed(2)} %`
}

/** How the first failure came about, in the order in which it happened. */
function story({ kind, first }: Outcome, { policy: { timing } }: Replay): readonly string[] {
  if (first === undefined) return []
  const { key, mintedAt, usedAt, readAt, refetchedAt = Infinity as Instant } = first
  const name = `key ${key.number}`
  const events: readonly (readonly [Instant, string])[] = [
    [readAt, 'the verifier reads the set that it uses'],
    [refetchedAt, 'the verifier reads the set again for the unknown kid'],
    [key.publishedAt, `${name} is published`],
    [instant(key.publishedAt + timing.propagation), `every replica serves ${name}`],
    [key.activeAt, `${name} begins to sign`],
    [key.retiredAt, `${name} signs no more`],
    [key.removedAt, `${name} is removed`],
    [mintedAt, `a token is made with ${name}`],
    [usedAt, 'it is used and refused: the set of the verifier lacks its key'],
  ]
  const told = events.filter(([at]) => at <= usedAt).toSorted(([one], [other]) => one - other)
  return ['', `${kind.name}: the first failure`, ...told.map(([at, what]) => `  ${momentText(at).padEnd(18)} ${what}`)]
}

/** A length in its two largest units. */
function lengthText(length: number): string {
  const parts = UNITS.map(([unit, size, most]) => [Math.floor(length / size) % most, unit] as const)
  const largest = parts.findIndex(([count]) => count > 0)
  const shown = parts.slice(Math.max(0, largest), largest + 2).filter(([count]) => count > 0)
  return shown.map(([count, unit]) => `${count}${unit}`).join(' ') || '0'
}

function momentText(at: number): string {
  const whole = Math.round(at)
  const [day, rest] = [Math.floor(whole / DAY), ((whole % DAY) + DAY) % DAY]
  const parts = [rest / 3600, rest / 60 % 60, rest % 60].map((part) => String(Math.floor(part)).padStart(2, '0'))
  return `day ${day} ${parts.join(':')}`
}
