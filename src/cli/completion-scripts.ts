import type { Flag } from '../config/flags.ts'

/** What a shell completes behind one command. */
export interface Entry {
  readonly name: string
  readonly meaning: string
  readonly actions: readonly string[]
  readonly flags: readonly Flag[]
}

type Script = (entries: readonly Entry[]) => string

/** The script of each shell, by its name. */
export const SHELLS: ReadonlyMap<string, Script> = new Map([['bash', bash], ['zsh', zsh], ['fish', fish]])

const TAKES_FILE = /FILE|PATH/

/** The commands besides those with a file of their own. */
const OTHERS = ['help', 'version']

function namesOf(entries: readonly Entry[]): string {
  return [...entries.map(({ name }) => name), ...OTHERS].join(' ')
}

function switchesOf(flags: readonly Flag[], isWanted: (flag: Flag) => boolean): readonly string[] {
  return flags.filter(isWanted).map(({ name }) => `--${name}`)
}

/** Finds the command among the words before the cursor, and sets `actions` and `flags`; bash and zsh alike. */
function choices(entries: readonly Entry[]): string {
  const cases = entries.map(({ name, actions, flags }) =>
    `    ${name}) actions='${actions.join(' ')}' flags='${switchesOf(flags, () => true).join(' ')}' ;;`)
  const helped = `    help) actions='${namesOf(entries)}' ;;`
  return `  case $command in\n${cases.join('\n')}\n${helped}\n  esac`
}

function patternsOf(entries: readonly Entry[], isWanted: (flag: Flag) => boolean): string {
  return [...new Set(entries.flatMap(({ flags }) => switchesOf(flags, isWanted)))].join('|')
}

function bash(entries: readonly Entry[]): string {
  return `_jwksd() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command='' actions='' flags='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) command=$word; break ;; esac
  done
  COMPREPLY=()
  case $previous in
    ${patternsOf(entries, ({ value }) => TAKES_FILE.test(value))}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${patternsOf(entries, ({ value }) => value !== '' && !TAKES_FILE.test(value))}) return ;;
  esac
  if [ -z "$command" ] && [[ $current != -* ]]; then
    COMPREPLY=($(compgen -W '${namesOf(entries)}' -- "$current")); return
  fi
  : "\${command:=serve}"
${choices(entries)}
  case $current in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) if [ -n "$actions" ] && [ "$previous" = "$command" ]
       then COMPREPLY=($(compgen -W "$actions" -- "$current"))
       else COMPREPLY=($(compgen -f -- "$current")); fi ;;
  esac
}
complete -F _jwksd jwksd
`
}

function zsh(entries: readonly Entry[]): string {
  return `#compdef jwksd
_jwksd() {
  local current=\${words[CURRENT]} previous=\${words[CURRENT-1]} command='' actions='' flags='' word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case $word in -*) ;; *) command=$word; break ;; esac
  done
  case $previous in
    ${patternsOf(entries, ({ value }) => TAKES_FILE.test(value))}) _files; return ;;
    ${patternsOf(entries, ({ value }) => value !== '' && !TAKES_FILE.test(value))}) return ;;
  esac
  [[ -n $command || $current == -* ]] || { compadd -- ${namesOf(entries)}; return }
  : \${command:=serve}
${choices(entries)}
  case $current in
    -*) compadd -- \${=flags} ;;
    *) if [[ -n $actions && $previous == $command ]]; then compadd -- \${=actions}; else _files; fi ;;
  esac
}
compdef _jwksd jwksd
`
}

function fish(entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ name, meaning, actions, flags }) => [
    `complete -c jwksd -f -n __fish_use_subcommand -a ${name} -d ${quoted(meaning.split('. ')[0] ?? '')}`,
    ...actions.length === 0 ? [] : [actionLine(name, actions)],
    ...flags.map(({ name: flag, value }) => {
      const kind = value === '' ? '' : TAKES_FILE.test(value) ? ' -r -F' : ' -x'
      return `complete -c jwksd -n ${quoted(whenIn(name))} -l ${flag}${kind}`
    }),
  ])
  const bare = `complete -c jwksd -f -n __fish_use_subcommand -a '${OTHERS.join(' ')}'`
  const help = `complete -c jwksd -f -n '__fish_seen_subcommand_from help' -a '${namesOf(entries)}'`
  return `${[...lines, bare, help].join('\n')}\n`
}

/** Options without a command are those of `serve`. */
function whenIn(name: string): string {
  return `${name === 'serve' ? '__fish_use_subcommand; or ' : ''}__fish_seen_subcommand_from ${name}`
}

function actionLine(name: string, actions: readonly string[]): string {
  const when = `__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${actions.join(' ')}`
  return `complete -c jwksd -n ${quoted(when)} -f -a ${quoted(actions.join(' '))}`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
