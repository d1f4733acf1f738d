import { OPTIONS } from './options.ts'
import type { Setting } from './setting.ts'

/** Kubernetes sets these in every pod of a namespace that has a service named jwksd. */
const SERVICE_LINK = /^JWKSD_(?:SERVICE_|PORT_\d+_)|^JWKSD_PORT=tcp:/

/** The options that variables set. An empty variable counts as absent; a variable that names no option is ignored. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): readonly Setting[] {
  return Object.entries(env).flatMap(([typed, text = '']) => {
    const option = typed.replace(/^JWKSD_/, '').toLowerCase().replaceAll('_', '-')
    const isOurs = typed.startsWith('JWKSD_') && !SERVICE_LINK.test(`${typed}=${text}`) && OPTIONS.has(option)
    return isOurs && text !== '' ? [{ option, typed, text }] : []
  })
}
