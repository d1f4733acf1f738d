import { printable } from '../core/printable.ts'

/** The exit codes of sysexits.h that we use, and 1 for a command that failed otherwise. */
export const EXIT = { refused: 1, unavailable: 69, software: 70, output: 74, config: 78 } as const

/** Writes to standard error why the process ends, one line each, and sets its exit code. */
export function refuse(code: number, ...lines: readonly string[]): void {
  for (const line of lines) process.stderr.write(`jwksd: ${printable(line)}\n`)
  process.exitCode = code
}
