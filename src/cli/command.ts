import type { Configured } from '../config/config.ts'
import type { Flag } from '../config/flags.ts'

/**
 * Command line: every command but the server. Each is one file with its words, flags, help and run. Read main.ts
 * first, which finds the command.
 */

/** A flag of a command, as help shows it. */
export interface CommandFlag extends Flag {
  readonly meaning: string
}

/** One command: how it is typed, what help prints, and what it does. Every command accepts the server's options too. */
export interface Command {
  /** The words after the name: in brackets if optional, in lower case if typed as they are, `|` between choices. */
  readonly words: readonly string[]
  readonly flags: readonly CommandFlag[]
  readonly meaning: string
  readonly example: string
  readonly run: (line: CommandLine, all: ReadonlyMap<string, Command>) => void | Promise<void>
}

/** What a command gets: the configuration, its own flags and the words after its name. */
export type CommandLine = Configured

/** Flags that several commands have. */
export const AS_FLAG: CommandFlag = {
  name: 'as', value: 'NAME', meaning: 'who gives the order, for the audit log; else who called sudo, or the login name',
}
export const JSON_FLAG: CommandFlag = { name: 'json', value: '', meaning: 'print JSON' }
export const FORCE_FLAG: CommandFlag = {
  name: 'force', value: '', meaning: 'carry it out although verifiers may fail; needs --reason',
}
