import { OPTIONS } from './options.ts'

/** One option as help and docs/options.md show it. */
export interface OptionText {
  readonly name: string
  /** How it is typed: as a flag, or as a variable where it is read from the environment only. */
  readonly heading: string
  readonly initial: string
  readonly meaning: string
}

/** The explanations of all options, in the order of the table. */
export function optionTexts(): readonly OptionText[] {
  return [...OPTIONS].map(([name, { value, initial, shown, otherwise, meaning, isSecret }]) => ({
    name,
    heading: isSecret === true ? `JWKSD_${name.toUpperCase()}=${value}` : `--${name}${value === '' ? '' : ` ${value}`}`,
    initial: shown ?? (initial === undefined ? otherwise ?? 'none' : String(initial)),
    meaning,
  }))
}
