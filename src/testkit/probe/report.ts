import { printable } from '../../core/printable.ts'
import { type Finding, isSound } from './verdict.ts'

/** How findings are written down. */
export type Format = 'table' | 'json' | 'junit' | 'tap'

/** Writes the findings about the API at `target` for a person, a program, or a test runner. */
export function report(findings: readonly Finding[], target: string, format: Format): string {
  return WRITERS[format](findings, target)
}

/** Whether the text names a format. */
export function isFormat(text: string): text is Format {
  return Object.hasOwn(WRITERS, text)
}

type Writer = (findings: readonly Finding[], target: string) => string

const WRITERS: Readonly<Record<Format, Writer>> = { table, json, junit, tap }

/** A verdict with the case that it is about. */
function explained({ of, verdict }: Finding): string {
  return `${verdict}: ${of.what} (${of.rule})`
}

function table(findings: readonly Finding[], target: string): string {
  const rows = findings.map((finding) => {
    const { of, got, verdict } = finding
    return [of.name, of.expected, String(got ?? '-'), verdict === 'ok' ? 'ok' : explained(finding)]
  })
  const all = [['case', 'expected', 'got', 'verdict'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((cells) => (cells[column] ?? '').length)))
  const lines = all.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd())
  return `${lines.map(printable).join('\n')}\n\n${summary(findings, target)}\n`
}

/** The last line: what an operator of the API should know first. */
function summary(findings: readonly Finding[], target: string): string {
  const count = (verdict: string): number => findings.filter((finding) => finding.verdict === verdict).length
  const bad = findings.filter(({ of, verdict }) => of.expected === 'refuse' && verdict !== 'skipped').length
  const tried = `${target}: ${findings.length - count('skipped')} tokens tried, ${bad} of them bad`
  const result = isSound(findings)
    ? 'all of the bad ones refused, all of the good ones accepted'
    : [
      counted(count('HOLE'), 'hole'),
      `${counted(count('TOO STRICT'), 'good one')} refused`,
      counted(count('CRASH'), 'crash', 'es'),
    ].join(', ')
  return `${tried}: ${result}, ${count('note')} to note`
}

function counted(count: number, what: string, plural = 's'): string {
  return `${count} ${what}${count === 1 ? '' : plural}`
}

function json(findings: readonly Finding[], target: string): string {
  const list = findings.map(({ of: { make: _make, ...shown }, got, verdict }) => ({ ...shown, got, verdict }))
  return `${JSON.stringify({ target, sound: isSound(findings), findings: list }, undefined, 2)}\n`
}

function tap(findings: readonly Finding[]): string {
  const lines = findings.map((finding, at) => {
    const { of, got, verdict } = finding
    const result = isSound([finding]) ? 'ok' : 'not ok'
    const directive = verdict === 'skipped' ? ' # SKIP the keys do not allow it' : ''
    const text = `${of.name}: ${of.what} (${of.rule}): ${of.expected}, got ${String(got)}: ${verdict}`
    return printable(`${result} ${at + 1} - ${text}${directive}`)
  })
  return ['TAP version 13', `1..${findings.length}`, ...lines, ''].join('\n')
}

function junit(findings: readonly Finding[], target: string): string {
  const failures = findings.filter((finding) => !isSound([finding])).length
  const cases = findings.map((finding) =>
    `  <testcase classname="jwksd.probe" name="${escaped(finding.of.name)}">${outcome(finding)}</testcase>`)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="${escaped(target)}" tests="${findings.length}" failures="${failures}">`,
    ...cases,
    '</testsuite>',
    '',
  ].join('\n')
}

function outcome(finding: Finding): string {
  if (finding.verdict === 'skipped') return '<skipped/>'
  if (isSound([finding])) return ''
  return `<failure message="${escaped(`${explained(finding)}, got ${String(finding.got)}`)}"/>`
}

function escaped(text: string): string {
  return printable(text).replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`)
}
