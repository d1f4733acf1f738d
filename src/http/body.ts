import type { Readable } from 'node:stream'
import type { Call } from './call.ts'
import type { Turn } from './connections.ts'
import { problem } from './problem.ts'
import type { Reply } from './reply.ts'

const MAX_BODY_BYTES = 16_384

const TOO_LARGE = problem(413, `A body has at most ${MAX_BODY_BYTES} bytes`)

/**
 * Reads the body of a request of so many bytes, undefined when it is chunked; or answers why it is refused, by its
 * headers alone before a byte of it is read. Answers undefined when the client is gone.
 */
export async function receive(
  { request, response }: Turn,
  { header }: Call,
  length = 0,
): Promise<Uint8Array | Reply | undefined> {
  // HTTP/1.0 knows no expectations (RFC 9110 section 10.1.1).
  const expected = request.httpVersion === '1.1' ? header('expect')?.toLowerCase() : undefined
  if (expected !== undefined && expected !== '100-continue') return problem(417)
  if (header('content-encoding') !== undefined) return problem(415, 'A body must not be compressed')
  if (length > MAX_BODY_BYTES) return TOO_LARGE
  if (expected !== undefined) response.writeContinue()
  return await readBody(request)
}

/** Reads a body to its end; stops as soon as it is too large, or when the client is gone. */
function readBody(source: Readable): Promise<Uint8Array | Reply | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      chunks.push(chunk)
      if (length <= MAX_BODY_BYTES) return
      source.off('data', onData)
      resolve(TOO_LARGE)
    }
    source.on('data', onData)
    source.once('end', () => resolve(chunks.length === 1 ? chunks[0] as Buffer : Buffer.concat(chunks)))
    source.once('close', () => resolve(undefined))
    if (source.destroyed) resolve(undefined)
  })
}

const PARAMETER = /^\s*([!#$%&'*+.^_`|~0-9a-z-]+)=(?:"([^"\\]*)"|([!#$%&'*+.^_`|~0-9a-z-]+))\s*$/

/** Whether a body is of this media type, in UTF-8; a malformed `Content-Type` names none (RFC 9110 section 8.3.1). */
export function isOfType({ header }: Pick<Call, 'header'>, type: string): boolean {
  const [first = '', ...others] = (header('content-type') ?? '').toLowerCase().split(';')
  const parameters = new Map(others.map((other) => {
    const [, name, quoted, plain] = PARAMETER.exec(other) ?? []
    return [name, quoted ?? plain]
  }))
  const isSound = parameters.size === others.length && !parameters.has(undefined)
  return first.trim() === type && isSound && (parameters.get('charset') ?? 'utf-8') === 'utf-8'
}
