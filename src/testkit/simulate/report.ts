import { type Instant, instant } from '../../core/time.ts'
import { type ProofLine, unsafeText } from '../../keyring/proof.ts'
import type { Life, Replay } from './schedule.ts'
import type { Outcome, Simulation } from './simulate.ts'

/** Columns and rows of the timeline. */
const [COLUMNS, ROWS] = [64, 6]
const DAY = 86_400
const UNITS = [['d', DAY, Infinity], ['h', 3600, 24], ['m', 60, 60], ['s', 1, 60]] as const

/** A simulation for a person: what was tried, when each key lived, how verifiers fared, and each first failure as a story. */
export function simulationText(trial: Replay, proof: readonly ProofLine[], simulation: Simulation): string {
  const broken = proof.filter(({ holds }) => !holds)
  return [
    ...broken.map((line) => `jwksd does not start like this: ${unsafeText(line)}\n`),
    ...head(trial, simulation),
    '',
    ...timeline(simulation.lives, trial),
    '',
    ...table(simulation),
    ...simulation.outcomes.flatMap((outcome) => story(outcome, trial)),
    '',
    ...simulation.outcomes.filter(({ kind }) => kind.isPromised).map(({ kind, failed }) =>
      failed === 0 ? `No verifier that ${kind.name} fails.` : `The promise does not hold: a verifier that ${kind.name} fails.`),
    '',
  ].join('\n')
}

/** The same for a program; moments are seconds since the start, null beyond its end. */
export function simulationJson({ policy, span, skew, outage }: Replay, proof: readonly ProofLine[], { lives, outages, every, outcomes }: Simulation): string {
  const kinds = outcomes.map(({ kind: { name, isPromised }, tried, failed, share, first }) =>
    ({ kind: name, promised: isPromised, tried, failed, share, first: first === undefined ? undefined : { ...first, key: first.key.number } }))
  const { timing, algs: [alg] } = policy
  const whole = { alg, timing, span, skew, outage, every, proved: proof.every(({ holds }) => holds), keys: lives, outages, verifiers: kinds }
  return `${JSON.stringify(whole, undefined, 2)}\n`
}

function head({ policy: { timing, algs: [alg] }, span, skew }: Replay, { lives, outages, every }: Simulation): readonly string[] {
  const turns = lives.filter(({ number, activeAt }) => number > 1 && activeAt < Infinity).length
  const [outage] = outages
  const lost = outage === undefined ? 'The store is never out of reach.' :
    `The store is out of reach for ${lengthText(outage.to - outage.from)} as every third key should begin to sign.`
  return [
    `${lengthText(span)} of ${alg}: a key signs for ${lengthText(timing.interval)}, is published at least ${lengthText(timing.lead)} before and ` +
      `${lengthText(timing.retention)} after; ${turns} rotations.`,
    `Clocks are ${lengthText(skew)} wrong. ${lost} Every third key is made as late as its lead allows.`,
    `A token is made every ${lengthText(every)} and at each turn, lives ${lengthText(timing.maxTtl)}, and is used at once and in its last moment.`,
    `Sets may be ${lengthText(timing.maxAge)} old in each of ${timing.cacheLayers} caches, and take ${lengthText(timing.propagation)} to get there.`,
  ]
}

/** The first keys, a row each. */
function timeline(lives: readonly Life[], { policy: { timing }, span }: Replay): readonly string[] {
  const shown = lives.slice(0, ROWS)
  const length = Math.min(span, (ROWS - 1) * timing.interval)
  const row = (life: Life): string => Array.from({ length: COLUMNS }, (_, at) => stateAt(life, (at + 0.5) * length / COLUMNS)).join('').trimEnd()
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
    [readAt, 'the set is read that the verifier goes by'],
    [refetchedAt, 'the set is read that it gets when it refetches for an unknown kid'],
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
  return parts.slice(Math.max(0, largest), largest + 2).filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`).join(' ') || '0'
}

function momentText(at: number): string {
  const whole = Math.round(at)
  const [day, rest] = [Math.floor(whole / DAY), ((whole % DAY) + DAY) % DAY]
  const parts = [rest / 3600, rest / 60 % 60, rest % 60].map((part) => String(Math.floor(part)).padStart(2, '0'))
  return `day ${day} ${parts.join(':')}`
}
