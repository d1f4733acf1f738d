import type { Config } from '../config/config.ts'
import { socketPath } from '../config/values.ts'
import { VERSION } from '../config/version.ts'
import { formatDuration } from '../core/duration.ts'
import type { App, Listening } from './app.ts'

/** What the banner shows of a server. */
interface BannerApp extends Pick<App, 'issuerAt' | 'isDurable' | 'isUnsealed'> {
  readonly keyring: Pick<App['keyring'], 'policy'>
}

/** What a person at a terminal sees first: where the server is, how it rotates, and what to paste. */
export function banner(
  config: Config,
  { keyring: { policy: { algs, timing } }, issuerAt, isDurable, isUnsealed }: BannerApp,
  { url, admin, metrics, lines }: Pick<Listening, 'url' | 'admin' | 'metrics'> & { readonly lines: readonly string[] },
): string {
  const [interval, lead, retention, ttl, maxTtl] =
    [timing.interval, timing.lead, timing.retention, timing.ttl, timing.maxTtl].map(formatDuration)
  const stored = `${config.store}, ${isUnsealed ? 'UNSEALED: its readers can sign' : 'sealed'}`
  const keys = isDurable ? stored : 'in memory: they die with this process, so the JWK Set is sent no-cache'
  return `
jwksd ${VERSION} on ${url}

  issuer    ${issuerAt(url)}
  keys      ${algs.join(', ')}, ${keys}
  rotation  every ${interval}, published ${lead} before signing, kept ${retention} after
  tokens    ${ttl}, ${maxTtl} at most
  clients   ${config.clients ?? 'none'}
  operators ${admin}
  metrics   ${metrics}
  audit     ${config.audit ?? 'off'}
${lines.map((line) => `  ${line}\n`).join('')}
${curls(config, url)}
Ctrl-C stops.

`
}

function curls({ auth, clients, host, page }: Config, bound: string): string {
  const path = socketPath(host)
  const [curl, url] = path === undefined ? ['curl', bound] : [`curl --unix-socket ${path}`, 'http://localhost']
  const open = path === undefined && (auth !== 'off' || page) ? `  page: ${url}/\n` : ''
  const read = `${open}  ${curl} ${url}/jwks.json\n`
  const grant = '-u CLIENT:SECRET -d grant_type=client_credentials'
  const token = clients === undefined ? '' : `  ${curl} ${grant} ${url}/token\n`
  if (auth === 'off') return `${read}${token}  (no /auth here without --open-auth)\n`
  return `${read}${token}  ${curl} -X POST ${url}/auth
  ${curl} -X POST -H 'Content-Type: application/json' -d '{"sub":"testuser"}' ${url}/auth
  ${curl} -X POST '${url}/auth?expired=true'
`
}
