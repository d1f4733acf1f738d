import type { Reply } from './reply.ts'

/** A whole response as bytes, for a connection on which Node's parser gave up; it is the last of its connection. */
export function rawAnswer({ status, headers, body }: Reply): Uint8Array {
  const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
  // The reason phrase may be empty (RFC 9112 section 4).
  return Buffer.from(`HTTP/1.1 ${status} \r\n${lines.join('')}\r\n${body}`)
}
