/** The text of one option, and how it was typed: `--port`, `JWKSD_PORT`, or a member of a file. */
export interface Setting {
  readonly option: string
  readonly typed: string
  readonly text: string
}

/** A fault of a configuration: the option as it was typed, and what is wrong with it. */
export interface ConfigFault {
  readonly typed: string
  readonly problem: string
  /** Where the option is unknown: the names of all options, to suggest one. */
  readonly names?: readonly string[]
}
