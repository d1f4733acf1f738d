import { printable } from '../../core/printable.ts'
import { type Finding, isSound } from './probe.ts'

/** How findings are written down. */
export type Format = 'table' | 'json' | 'junit' | 'tap'

/** Writes findings for a person, a program, or a test runner. */
export function report(findings: readonly Finding[], target: string, format: Format): string {
  return WRITERS[format](findings, target)
}

/** Whether the text names a format. */
export function isFormat(text: string): text is Format {
  return Object.hasOwn(WRITERS, text)
}

const WRITERS: Readonly<Record<Format, (findings: readonly Finding[], target: string) => string>> = { table, json, junit, tap }

function table(findings: readonly Finding[], target: string): string {
  const rows = findings.map(({ of, got, verdict }) => [of.name, of.expected, String(got ?? '-'), verdict === 'ok' ? 'ok' : `${verdict}: ${of.what} (${of.rule})`])
  const all = [['case', 'expected', 'got', 'verdict'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((cells) => (cells[column] ?? '').length)))
  const lines = all.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd())
  return printable(lines.join('\u0000')).replaceAll('\\u0000', '\n') + `\n\n${summary(findings, target)}\n`
}

/** The last line: what an operator of the API should know first. */
function summary(findings: readonly Finding[], target: string): string {
  const count = (...verdicts: readonly string[]): number => findings.filter(({ verdict }) => verdicts.includes(verdict)).length
  const tried = findings.length - count('skipped')
  const bad = findings.filter(({ of, verdict }) => of.expected === 'refuse' && verdict !== 'skipped').length
  const told = `${target}: ${tried} tokens tried, ${bad} of them bad`
  if (isSound(findings)) return `${told}: all of the bad ones refused, all of the good ones accepted, ${count('note')} to note`
  return `${told}: ${count('HOLE')} holes, ${count('TOO STRICT')} good ones refused, ${count('CRASH')} crashes, ${count('note')} to note`
}

function json(findings: readonly Finding[], target: string): string {
  const list = findings.map(({ of: { name, what, rule, expected, level }, got, verdict }) => ({ name, what, rule, expected, level, got, verdict }))
  return `${JSON.stringify({ target, sound: isSound(findings), findings: list }, undefined, 2)}\n`
}

function tap(findings: readonly Finding[]): string {
  const lines = findings.map((finding, at) => {
    const { of, got, verdict } = finding
    const directive = verdict === 'skipped' ? ' # SKIP the keys do not allow it' : ''
    return `${isSound([finding]) ? 'ok' : 'not ok'} ${at + 1} - ${of.name}: ${of.what} (${of.rule}): ${of.expected}, got ${String(got)}: ${verdict}${directive}`
  })
  return ['TAP version 13', `1..${findings.length}`, ...lines.map(printable), ''].join('\n')
}

function junit(findings: readonly Finding[], target: string): string {
  const failures = findings.filter((finding) => !isSound([finding])).length
  const cases = findings.map((finding) => {
    const { of, got, verdict } = finding
    const inside = verdict === 'skipped' ? '<skipped/>' : isSound([finding]) ? '' : `<failure message="${escaped(`${verdict}: ${of.what} (${of.rule}), got ${String(got)}`)}"/>`
    return `  <testcase classname="jwksd.probe" name="${escaped(of.name)}">${inside}</testcase>`
  })
  return ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuite name="${escaped(target)}" tests="${findings.length}" failures="${failures}">`, ...cases, '</testsuite>', ''].join('\n')
}

function escaped(text: string): string {
  return printable(text).replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`)
}
