import type { Readable } from 'node:stream'
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
