import type { Setting } from './setting.ts'

/** Kubernetes sets these in every pod of a namespace that has a service whose name begins with jwksd. */
const SERVICE_LINK = /_SERVICE_(?:HOST|PORT)|_PORT_\d+_|_PORT=(?:tcp|udp|sctp):/
/** The number of a worker, for itself (serve/workers.ts). */
const WORKER = 'JWKSD_WORKER'

/** The variables that look like ours, with the option that each would set; an empty one counts as absent. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): readonly Setting[] {
  return Object.entries(env).flatMap(([typed, text = '']) => {
    const isOurs = /^jwksd/i.test(typed) && typed !== WORKER && !SERVICE_LINK.test(`${typed}=${text}`)
    const option = typed.replace(/^JWKSD_/, '').toLowerCase().replaceAll('_', '-')
    return isOurs && text !== '' ? [{ option, typed, text }] : []
  })
}
