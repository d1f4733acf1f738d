/** A whole answer as a value; made once where it does not change. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Text, and no bytes: from 24 on Node sends it with the head in one piece, and bytes as a second one (JWKS: 7 to 13 % dearer). */
  readonly body: string
}

/** An answer with the headers that every answer carries; not to be stored by caches unless `headers` say so. */
export function reply(status: number, headers: Readonly<Record<string, string>>, body = ''): Reply {
  const length = status === 204 || status === 304 ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return {
    status,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...length, ...headers },
    body,
  }
}

/** An answer with a JSON body that ends in a line break, for whoever reads it at a terminal. */
export function json(status: number, content: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return reply(status, { 'content-type': 'application/json', ...headers }, `${JSON.stringify(content)}\n`)
}
