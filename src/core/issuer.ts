/** The URL that names this server, and the addresses that follow from it. */
export interface Issuer {
  /** The `iss` of its tokens, byte for byte as configured. */
  readonly url: string
  /** The same without a slash at its end: a path can be put behind it. */
  readonly base: string
  /** The path of the URL without a slash at its end; empty for most issuers. */
  readonly path: string
  /** Where a document of this name is served (RFC 8615 section 3): at the root, and below the path of the issuer. */
  readonly wellKnown: (name: string) => readonly string[]
}

/** The issuer of a URL that was checked before. */
export function issuerOf(url: string): Issuer {
  const base = withoutSlash(url)
  const path = withoutSlash(new URL(base).pathname)
  return { url, base, path, wellKnown: (name) => [...new Set(['', path])].map((at) => `${at}/.well-known/${name}`) }
}

/** Every path of the key set. */
export function jwksPaths({ wellKnown }: Issuer): readonly string[] {
  return ['/jwks.json', ...wellKnown('jwks.json')]
}

/** Every path of the metadata: below the path of the issuer for OpenID, and in front of it (RFC 8414 section 3.1). */
export function metadataPaths({ wellKnown, path }: Issuer): readonly string[] {
  const paths = ['openid-configuration', 'oauth-authorization-server'].flatMap((name) =>
    [...wellKnown(name), `/.well-known/${name}${path}`])
  return [...new Set(paths)]
}

function withoutSlash(text: string): string {
  return text.replace(/\/$/, '')
}
