import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { fail, ok, type Result } from '../core/result.ts'
import { between, type Instant, instant, type Seconds, seconds, timestamp } from '../core/time.ts'

/** A certificate with its chain, and the key that belongs to it, both in PEM. */
export interface Pair {
  readonly cert: string
  readonly key: string
  readonly begins: Instant
  readonly expires: Instant
}

/** Why a pair cannot be used: which of its files is at fault, then what is wrong with it and what to do. */
export interface Unfit {
  readonly file: 'certificate' | 'private key'
  readonly problem: string
}

/** The curves and sizes of keys that TLS clients accept (RFC 8422 section 5.1.1, RFC 9325 section 4.5). */
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1']
const MIN_RSA_BITS = 2048
/** RSA and ECDSA with SHA-1, as DER (RFC 3279 section 2.2): not every OpenSSL refuses them. */
const SHA1 = ['2a864886f70d010105', '2a8648ce3d0401']
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END/g
const DAY_SECONDS = 86_400
/** Days left at which an operator is warned, or of short-lived certificates this share of the lifetime, if less. */
const WARNINGS = [[30, 1 / 4], [7, 1 / 10], [1, 1 / 20], [0, 0]] as const
/** From this warning on the server is degraded. */
const SOON = 2

/** The certificate and the key of a server, judged together at a moment. */
export function pairOf(cert: string, key: string, now: Instant): Result<Pair, Unfit> {
  const certificates = certificatesIn(cert)
  const [own] = certificates
  if (own === undefined) return unfit('certificate', 'it is no certificate in PEM. Name the file with its chain')
  const opened = keyIn(key)
  if (typeof opened === 'string') return unfit('private key', opened)
  const pair = { cert, key, begins: momentOf(own.validFrom), expires: momentOf(own.validTo) }
  const problem = mismatchOf(certificates, opened) ?? untimeliness(pair, now) ?? uselessness(own)
    ?? disorderOf(certificates)
  return problem === undefined ? ok(pair) : unfit('certificate', problem)
}

/** How far an expiry has come: how many of the warnings are due, and how much time is left. */
export function expiryOf({ begins, expires }: Pair, now: Instant): { readonly due: number; readonly left: Seconds } {
  const left = between(now, expires)
  const lengths = WARNINGS.map(([days, share]) => Math.min(days * DAY_SECONDS, share * between(begins, expires)))
  return { due: lengths.filter((length) => left <= length).length, left: seconds(left) }
}

/** What an expiry means for readiness. */
export function expiryState(pair: Pair, now: Instant): 'valid' | 'expires soon' | 'expired' {
  const { due } = expiryOf(pair, now)
  return due === WARNINGS.length ? 'expired' : due >= SOON ? 'expires soon' : 'valid'
}

function unfit(file: Unfit['file'], problem: string): { readonly ok: false; readonly error: Unfit } {
  return fail({ file, problem })
}

function certificatesIn(pem: string): readonly X509Certificate[] {
  try {
    return (pem.match(CERTIFICATE) ?? []).map((block) => new X509Certificate(`${block} CERTIFICATE-----`))
  } catch {
    return []
  }
}

/** The key, or why there is none. */
function keyIn(pem: string): KeyObject | string {
  if (/ENCRYPTED/.test(pem)) {
    return 'it asks for a passphrase. Write it without one (openssl pkey -in OLD -out NEW), and keep it at mode 0600'
  }
  try {
    const key = createPrivateKey(pem)
    return weaknessOf(key) ?? key
  } catch {
    return 'it is no private key in PEM. Name the file of the key that the certificate was made for'
  }
}

function weaknessOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | undefined {
  const { modulusLength: bits = 0, namedCurve: curve = '' } = details ?? {}
  const isFit = type === 'ec' ? CURVES.includes(curve) : type === 'rsa' ? bits >= MIN_RSA_BITS : type === 'ed25519'
  if (isFit) return undefined
  const kind = type === 'rsa' ? `an RSA key of ${bits} bits` : `a key of kind ${type} ${curve}`.trimEnd()
  return `it is ${kind}, which TLS clients refuse. Make an ECDSA key on P-256, or an RSA key of ${MIN_RSA_BITS} bits`
}

function mismatchOf(certificates: readonly X509Certificate[], key: KeyObject): string | undefined {
  const place = certificates.findIndex((one) => one.checkPrivateKey(key))
  if (place === 0) return undefined
  if (place > 0) return `the one of the key is number ${place + 1} in the file. Put it first, and its issuers behind it`
  return certificates[0]?.ca === true
    ? 'it is that of an authority (CA). Put the one that the authority made for the key first'
    : 'it was made for another key. Name the key that it was made for'
}

function momentOf(text: string): Instant {
  return instant(Number(new Date(text)) / 1000)
}

function untimeliness({ begins, expires }: Pair, now: Instant): string | undefined {
  if (now < begins) return `it begins at ${timestamp(begins)} only. Wait, or correct the clock`
  return now < expires ? undefined : `it expired at ${timestamp(expires)}. Renew it`
}

function uselessness({ subjectAltName, keyUsage = [SERVER_AUTH], raw }: X509Certificate): string | undefined {
  if (SHA1.some((id) => raw.includes(id, 0, 'hex'))) return 'it is signed with SHA-1. Ask for one with SHA-256'
  const hosts = 'it names no host (subjectAltName), and clients read no other name. Ask for one with DNS:HOST'
  const uses = 'it is not for servers. Ask for one with the extended key usage serverAuth'
  return subjectAltName === undefined ? hosts : keyUsage.includes(SERVER_AUTH) ? undefined : uses
}

/** Each certificate must be signed by the next one (RFC 5246 section 7.4.2). */
function disorderOf(certificates: readonly X509Certificate[]): string | undefined {
  const place = certificates.findIndex((one, at) => at > 0 && certificates[at - 1]?.checkIssued(one) === false)
  return place < 0 ? undefined
    : `number ${place + 1} in the file did not issue number ${place}. Put the issuer of each behind it, and no other`
}
