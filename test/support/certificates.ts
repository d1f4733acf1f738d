import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newFolder } from './folder.ts'

/** Certificates as OpenSSL makes them. */

/** A certificate and its key, in PEM. */
export interface Made {
  readonly cert: string
  readonly key: string
}

/** How a certificate differs from the usual one: ECDSA on P-256, thirty days, for a host. */
export interface Kind {
  readonly kind?: string
  readonly days?: number
  readonly digest?: string
  readonly extensions?: string
}

function openssl(...args: readonly string[]): string {
  return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString()
}

/** A new key, such as `rsa:2048`, `ec:P-256` or `ed25519`. */
export function keyOf(kind: string): string {
  const [name = '', size] = kind.split(':')
  const option = size === undefined ? [] : ['-pkeyopt', name === 'ec' ? `ec_paramgen_curve:${size}` : `rsa_keygen_bits:${size}`]
  return openssl('genpkey', '-algorithm', name, ...option)
}

/** A certificate that signs itself: of an authority. */
export function authority(name: string): Made {
  const folder = newFolder()
  writeFileSync(join(folder, 'key.pem'), keyOf('ec:P-256'))
  const cert = openssl('req', '-x509', '-key', join(folder, 'key.pem'), '-days', '365', '-subj', `/CN=${name}`)
  return { cert, key: readFileSync(join(folder, 'key.pem'), 'utf8') }
}

/** A certificate that signs itself, for a host. */
export function selfMade(host: string): Made {
  const folder = newFolder()
  writeFileSync(join(folder, 'key.pem'), keyOf('ec:P-256'))
  const args = ['-key', join(folder, 'key.pem'), '-days', '30', '-subj', `/CN=${host}`]
  const cert = openssl('req', '-x509', ...args, '-addext', `subjectAltName=DNS:${host},IP:127.0.0.1`)
  return { cert, key: readFileSync(join(folder, 'key.pem'), 'utf8') }
}

/** A certificate for a host by an authority. */
export function certified(by: Made, host: string, { kind = 'ec:P-256', days = 30, digest = 'sha256', extensions }: Kind = {}): Made {
  const folder = newFolder()
  const at = (name: string): string => join(folder, name)
  writeFileSync(at('key.pem'), keyOf(kind))
  writeFileSync(at('ca.pem'), by.cert)
  writeFileSync(at('ca-key.pem'), by.key)
  writeFileSync(at('extensions'), `${extensions ?? `subjectAltName=DNS:${host},IP:127.0.0.1`}\n`)
  openssl('req', '-new', '-key', at('key.pem'), '-subj', `/CN=${host}`, '-out', at('request.pem'))
  const cert = openssl(
    'x509', '-req', '-in', at('request.pem'), '-CA', at('ca.pem'), '-CAkey', at('ca-key.pem'), `-${digest}`,
    '-days', String(days), '-extfile', at('extensions'),
  )
  return { cert, key: readFileSync(at('key.pem'), 'utf8') }
}
