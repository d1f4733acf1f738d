import type { Readable } from 'node:stream'
import type { Call } from './call.ts'
import { problem } from './problem.ts'
import type { Reply } from './reply.ts'

const MAX_BODY_BYTES = 16_384

/** The response to a body that is larger than 16 KiB. */
export const TOO_LARGE: Reply = problem(413, `A body has at most ${MAX_BODY_BYTES} bytes`)

/** Refuses a body by its headers alone, before a byte of it is read; `length` is undefined when it is chunked. */
export function refuseBody(contentEncoding: string | undefined, length: number | undefined): Reply | undefined {
  if (contentEncoding !== undefined) return problem(415, 'A body must not be compressed')
  return length !== undefined && length > MAX_BODY_BYTES ? TOO_LARGE : undefined
}

/** Reads a body to its end; stops as soon as it is too large, or when the client is gone. */
export function readBody(source: Readable): Promise<Uint8Array | 'too large' | 'aborted'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      chunks.push(chunk)
      if (length <= MAX_BODY_BYTES) return
      source.off('data', onData)
      resolve('too large')
    }
    source.on('data', onData)
    source.once('end', () => resolve(chunks.length === 1 ? chunks[0] as Buffer : Buffer.concat(chunks)))
    source.once('close', () => resolve('aborted'))
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
