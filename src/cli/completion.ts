import { OPTIONS } from '../config/options.ts'
import type { Command } from './command.ts'
import { type Entry, SHELLS } from './completion-scripts.ts'

/** `jwksd completion SHELL`: a script for the shell, made from the commands and the options. */
export const completion: Command = {
  words: [[...SHELLS.keys()].join('|')],
  flags: [],
  meaning: 'Print what a shell needs to complete commands and options: source it in its start file.',
  example: 'source <(jwksd completion bash)\nsource <(jwksd completion zsh)\njwksd completion fish | source',
  run: ({ words: [shell = ''] }, commands) =>
    void process.stdout.write(SHELLS.get(shell)?.([...commands].map(entryOf)) ?? ''),
}

const SERVER_FLAGS = [...OPTIONS].map(([name, { wanted, isSwitch }]) =>
  ({ name, value: isSwitch === true ? '' : /file|path/i.test(`${name} ${wanted}`) ? 'FILE' : 'VALUE' }))

function entryOf([name, { words: [first = ''], flags, meaning }]: readonly [string, Command]): Entry {
  const own = new Set(flags.map((flag) => flag.name))
  const all = [...flags, ...SERVER_FLAGS.filter((flag) => !own.has(flag.name)), { name: 'help', value: '' }]
  return { name, meaning, flags: all, actions: /^[a-z]/.test(first) ? first.split('|') : [] }
}
