/** A whole response as a value; made once where it does not change. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /**
   * A string, if it is short: Node 24 writes it together with the head, but bytes in a second write (JWKS: 7 to 13 %
   * slower). A long string would be copied for each client that is slow to read it; bytes are shared.
   */
  readonly body: string | Uint8Array
}

const MAX_TEXT_LENGTH = 16_384

/** A response with the headers that all responses have; caches must not store it unless `headers` allow it. */
export function reply(status: number, headers: Readonly<Record<string, string>>, body = ''): Reply {
  const length = status === 204 || status === 304 ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return {
    status,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...length, ...headers },
    body: body.length > MAX_TEXT_LENGTH ? Buffer.from(body) : body,
  }
}

/** A response with a JSON body that ends in a line break, for people at a terminal. */
export function json(status: number, content: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return reply(status, { 'content-type': 'application/json', ...headers }, `${JSON.stringify(content)}\n`)
}
