/** A file that only grows, by whole lines. */
export interface LineFile {
  /** The machine and the path of a regular file; undefined for a device and for standard output. */
  readonly place: string | undefined
  /** The first and the last whole line when the file was opened. */
  readonly first: string | undefined
  readonly last: string | undefined
  /** The part of a line that a crash has left behind it; the first append cuts it off. */
  readonly torn: string
  /** Resolves once whole lines are on the disk; rejects and leaves nothing of them. */
  readonly append: (lines: string) => Promise<void>
  /** What somebody did to the file under this process. */
  readonly fault: () => 'moved' | 'truncated' | undefined
  readonly size: () => number
  /** Continues in a new file; the old one is put aside under its path and this ending, unless it was moved already. */
  readonly renew: (ending: string) => Promise<void>
  /** The last line with a text in it; undefined if no line of the file has it. */
  readonly lastWith: (text: string) => string | undefined
  readonly close: () => Promise<void>
}
