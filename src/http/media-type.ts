/** A media type in lower case, with its parameters. */
export interface MediaType {
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
}

const TYPE = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/
const PARAMETER = /^\s*([!#$%&'*+.^_`|~0-9a-z-]+)=(?:"([^"\\]*)"|([!#$%&'*+.^_`|~0-9a-z-]+))\s*$/i

/** Reads a `Content-Type` (RFC 9110 section 8.3.1); undefined when it is malformed. */
export function parseMediaType(header: string): MediaType | undefined {
  const [first = '', ...others] = header.split(';')
  const type = first.trim().toLowerCase()
  if (!TYPE.test(type)) return undefined
  const parameters = new Map<string, string>()
  for (const other of others) {
    const [, name, quoted, plain] = PARAMETER.exec(other) ?? []
    if (name === undefined || parameters.has(name.toLowerCase())) return undefined
    parameters.set(name.toLowerCase(), quoted ?? plain ?? '')
  }
  return { type, parameters }
}
