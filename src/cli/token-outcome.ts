import { printable } from '../core/printable.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { JwtFault } from '../jose/verify.ts'
import { EXIT } from '../system/exit.ts'

/** What `jwksd token` found: its exit code, the document for `--json`, and the lines for a person. */
export interface Outcome {
  readonly exit: number
  readonly json: object
  readonly lines: readonly string[]
}

/** A command that could not do what was asked; `reason` is a word for scripts. */
export function failed(exit: number, reason: string, message: string): Outcome {
  return { exit, json: { ok: false, reason, message }, lines: [printable(message)] }
}

/** A mistake in the command line. */
export function wrongUse(message: string): Outcome {
  return failed(EXIT.config, 'usage', message)
}

const MAX_INPUT_BYTES = 65_536

/** Reads the word `-` from standard input, without white space at its ends; 64 KiB at most. */
export async function readInput(word: string): Promise<Result<string, Outcome>> {
  if (word !== '-') return ok(word)
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_INPUT_BYTES) {
      return fail(failed(EXIT.refused, 'size', `Standard input is longer than ${MAX_INPUT_BYTES} bytes`))
    }
    chunks.push(chunk)
  }
  return ok(Buffer.concat(chunks).toString('latin1').trim())
}

/** What is wrong with the form of a token, by the part at fault. */
export const FORM_FAULTS: Readonly<Partial<Record<JwtFault, string>>> = {
  size: 'The token is longer than 16,384 characters',
  form: 'This is no signed token: it must be three parts in base64url (RFC 7515 section 7.1)',
  header: 'The header is no JSON object with each member once',
  crit: 'The header has crit: it demands an extension, and there is none here (RFC 7515 section 4.1.11)',
  b64: 'The header has b64: unencoded payloads are not accepted (RFC 7797)',
  typ: 'The typ of the header is no text',
  claims: 'The payload is no JSON object with each member once',
}

