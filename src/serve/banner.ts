import type { Config } from '../config/config.ts'
import { version } from '../config/version.ts'
import { formatDuration } from '../core/duration.ts'
import type { Policy } from '../keyring/policy.ts'
import { proofText, type ProofLine } from '../keyring/proof.ts'

/** What the banner tells. */
export interface BannerView {
  readonly config: Config
  readonly policy: Policy
  readonly lines: readonly ProofLine[]
  readonly url: string
  readonly issuer: string
  readonly admin: string
  readonly isDurable: boolean
  readonly isUnsealed: boolean
}

/** What a person at a terminal sees first: where the server is, how it rotates, and what to paste. */
export function banner({ config, policy: { algs, timing }, lines, url, issuer, admin, isDurable, isUnsealed }: BannerView): string {
  const sealing = isUnsealed ? 'UNSEALED: whoever can read it can sign' : 'sealed'
  const keys = isDurable ? `${config.store}, ${sealing}` : 'in memory: they die with this process, so the JWK Set is sent no-cache'
  const rotation = `every ${formatDuration(timing.interval)}, published ${formatDuration(timing.lead)} before signing,` +
    ` kept ${formatDuration(timing.retention)} after`
  return `
${version()} on ${url}

  issuer    ${issuer}
  keys      ${algs.join(', ')}, ${keys}
  rotation  ${rotation}
  tokens    ${formatDuration(timing.ttl)}, ${formatDuration(timing.maxTtl)} at most
  clients   ${config.clients ?? 'none'}
  operators ${admin}
  audit     ${config.audit?.path ?? 'off'}
${lines.map((line) => `  ${proofText(line)}\n`).join('')}
${curls(config, url)}
Ctrl-C stops.

`
}

function curls({ auth, clients }: Config, url: string): string {
  const read = `  curl ${url}/jwks.json\n`
  const token = clients === undefined ? '' : `  curl -u CLIENT:SECRET -d grant_type=client_credentials ${url}/token\n`
  if (auth === 'off') return `${read}${token}  (no /auth here without --open-auth)\n`
  return `${read}${token}  curl -X POST ${url}/auth
  curl -X POST -H 'Content-Type: application/json' -d '{"sub":"testuser"}' ${url}/auth
  curl -X POST '${url}/auth?expired=true'
`
}
