import type { Configured } from '../config/config.ts'
import type { Flag } from '../config/flags.ts'

/** A flag of a command, as help shows it. */
export interface CommandFlag extends Flag {
  readonly meaning: string
}

/** One command: how it is typed, how help explains it, and what it does. Every command takes the server's options too. */
export interface Command {
  /** The words behind the name; one in brackets is optional, one in lower case stands for itself. */
  readonly words: readonly string[]
  readonly flags: readonly CommandFlag[]
  readonly meaning: string
  readonly example: string
  readonly run: (line: CommandLine) => void | Promise<void>
}

/** What a command gets: the configuration, its own flags and the words behind its name. */
export type CommandLine = Configured

/** Flags that several commands have. */
export const JSON_FLAG: CommandFlag = { name: 'json', value: '', meaning: 'print JSON' }
export const FORCE_FLAG: CommandFlag = {
  name: 'force', value: '', meaning: 'carry it out although verifiers may fail; needs --reason',
}
