import { parseConfig, type Sources } from '../config/config.ts'
import { readFlags } from '../config/flags.ts'
import { OPTIONS } from '../config/options.ts'
import { faultText } from '../config/refusal.ts'
import type { ConfigFault } from '../config/setting.ts'
import { VERSION } from '../config/version.ts'
import { errnoOf, systemSays } from '../core/errno.ts'
import { nearest } from '../core/nearest.ts'
import { printable } from '../core/printable.ts'
import { EXIT, refuse } from '../system/exit.ts'
import type { Command, CommandLine } from './command.ts'
import { COMMANDS } from './commands.ts'
import { commandHelp, help } from './help.ts'
import { visibleJson } from './visible.ts'

/** The other commands, help and version. Start here; each command is one file. */

/** What a command line asks for. */
export type Plan =
  | { readonly text: string }
  | { readonly faults: readonly ConfigFault[] }
  | { readonly command: Command; readonly line: CommandLine }

/** Runs a command line that does not start a server. */
export async function main(sources: Sources): Promise<void> {
  process.stdout.on('error', whenNotWritten)
  const plan = planOf(sources)
  if ('text' in plan) process.stdout.write(plan.text)
  else if ('faults' in plan) refuseAll(plan.faults.map(faultText), sources.args)
  else {
    for (const variable of plan.line.unknown) process.stderr.write(`jwksd: ${unknownText(variable)}\n`)
    await plan.command.run(plan.line, COMMANDS)
  }
}

/** Says why nothing is done; a script that asked `token` for JSON gets that too. */
function refuseAll(faults: readonly string[], args: readonly string[]): void {
  if (args.includes('token') && args.includes('--json')) {
    process.stdout.write(`${visibleJson({ ok: false, reason: 'usage', message: faults.join('. ') })}\n`)
  }
  refuse(EXIT.config, ...faults)
}

/** Ends the process when its output cannot be written; a reader that has seen enough is no fault. */
function whenNotWritten(error: Error): never {
  if (errnoOf(error).code === 'EPIPE') process.exit()
  refuse(EXIT.output, `Cannot write to standard output: ${systemSays(error)}`)
  process.exit()
}

/** A command goes on beside a misspelt variable, which could be meant for another version. */
function unknownText(variable: string): string {
  const names = [...OPTIONS.keys()].map((name) => `JWKSD_${name.toUpperCase().replaceAll('-', '_')}`)
  const [near] = nearest(variable, names)
  const hint = near === undefined ? '' : ` Did you mean ${near}?`
  return `${printable(variable)} is not an option and has no effect.${hint}`
}

/** Reads a command line; help and version come before every fault but the name of a command that there is not. */
export function planOf(sources: Sources): Plan {
  const flags = [...COMMANDS.values()].flatMap((command) => command.flags)
  const { words: [name = 'serve', ...words], asksFor } = readFlags(sources.args, flags)
  if (asksFor === 'version' || name === 'version') return { text: `jwksd ${VERSION}\n` }
  if (asksFor === 'help' || name === 'help') return helpFor(name === 'help' ? words[0] : name)
  const command = COMMANDS.get(name)
  const parsed = parseConfig({ ...sources, flags: command?.flags ?? [] })
  if (!parsed.ok) return { faults: parsed.error }
  // The word behind an unknown option is most likely its value, so words are judged only when the options are right.
  const faults = wordFaults(name, words, command)
  return command === undefined || faults.length > 0 ? { faults } : { command, line: { ...parsed.value, words } }
}

function helpFor(name = 'serve'): Plan {
  if (name === 'help') return helpFor()
  const command = COMMANDS.get(name)
  if (command === undefined) return { faults: wordFaults(name, [], command) }
  return { text: name === 'serve' ? help(COMMANDS) : commandHelp(name, command) }
}

function wordFaults(name: string, words: readonly string[], command: Command | undefined): readonly ConfigFault[] {
  if (command === undefined) {
    const [near] = nearest(name, [...COMMANDS.keys()])
    const hint = near === undefined ? `Use one of ${[...COMMANDS.keys()].join(', ')}` : `Did you mean ${near}?`
    return [{ typed: JSON.stringify(name), problem: `is not a command. ${hint}` }]
  }
  const usage = `Write: jwksd ${[name, ...command.words].join(' ')}`
  const required = command.words.filter((word) => !word.startsWith('['))
  const isGiven = (word: string, at: number): boolean =>
    words[at] !== undefined && (!/^[a-z]/.test(word) || word.split('|').includes(words[at]))
  if (!required.every(isGiven)) return [{ typed: name, problem: `needs ${required.join(' ')}. ${usage}` }]
  const problem = `is not expected here. ${usage}`
  return words.slice(command.words.length).map((word) => ({ typed: JSON.stringify(word), problem }))
}
