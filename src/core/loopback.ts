const LOCALHOST = /^(?:[\w-]+\.)*localhost$/
const LOOPBACK_IPV4 = /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/

/** Whether an address or name in a configuration is this machine and nothing else (RFC 6890, RFC 6761 section 6.3). */
export function isLoopbackAddress(address: string): boolean {
  const name = address.toLowerCase()
  return LOOPBACK_IPV4.test(name) || name === '::1' || LOCALHOST.test(name)
}

/** Whether a URL leads to this machine and nothing else. */
export function isLoopbackUrl(url: string): boolean {
  return isLoopbackHost(new URL(url).host)
}

/** Whether a `Host` names this machine, with or without a port (RFC 9110 section 7.2). */
export function isLoopbackHost(host: string): boolean {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host) ?? []
  return isLoopbackAddress(bracketed ?? plain ?? '')
}
