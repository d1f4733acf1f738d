import { BlockList, isIP } from 'node:net'
import type { AddressOf } from './exchange.ts'
import { headerOf } from './wire.ts'

/** The proxies in front, and the header to which each adds the address from which it was called. */
export interface Forwarding {
  /** Networks, addresses, and `unix` for whoever connects to a socket file. */
  readonly proxies: readonly string[]
  readonly header: 'x-forwarded-for' | 'forwarded'
}

/** More proxies than anybody has in a row. */
const MAX_HOPS = 16
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i
/** An address, with the port that some proxies add; an IPv6 address stands in brackets then (RFC 7239 section 6). */
const NODE = /^(?:\[([0-9a-f:.]{2,45})\](?::[\w.-]{1,32})?|([\d.]{7,15})(?::[\w.-]{1,32})?|([0-9a-f:.]{2,45}))$/i
const PAIR = String.raw`[\w!#$%&'*+.^|~-]+=(?:[\w!#$%&'*+.^|~:-]+|"[^"\\]*")`
/** One element of `Forwarded` (RFC 7239 section 4); a half quoted one is none. */
const ELEMENT = new RegExp(String.raw`^\s*${PAIR}(?:\s*;\s*${PAIR})*\s*$`)
const FOR = /(?:^|;)\s*for=(?:"([^"]*)"|([^;\s]*))/i

/**
 * The address of the client: each trusted proxy adds the one that called it at the end, so that reading begins there,
 * and ends at the first that is no trusted proxy. What stands before was written by that one, and is not believed.
 */
export function forwardedAddress({ proxies, header }: Forwarding): AddressOf {
  const trusts = trusting(proxies)
  return (peer, rawHeaders) => {
    const hops = (headerOf(rawHeaders, header) ?? '').split(',').slice(-MAX_HOPS)
    let address = peer === undefined ? 'unix' : plain(peer)
    while (trusts(address)) {
      const hop = hops.pop()?.trim() ?? ''
      if (hop === '') break
      address = addressIn(header === 'forwarded' ? forOf(hop) : hop)
    }
    return address
  }
}

function trusting(proxies: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const item of proxies) {
    const [address = '', length] = item.split('/')
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
    if (length !== undefined) list.addSubnet(address, Number(length), family)
    else if (item !== 'unix') list.addAddress(address, family)
  }
  const trustsSockets = proxies.includes('unix')
  return (address) => isIP(address) === 0
    ? address === 'unix' && trustsSockets
    : list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
}

/** The value of `for`; empty when the element is malformed or has none. */
function forOf(element: string): string {
  const [, quoted, token = ''] = ELEMENT.test(element) ? FOR.exec(element) ?? [] : []
  return quoted ?? token
}

/** The address in the entry of a proxy; `unknown` where it hides or garbles it, so that nothing else gets to a log. */
function addressIn(entry: string): string {
  const [, bracketed, dotted, address = bracketed ?? dotted ?? ''] = NODE.exec(entry) ?? []
  return isIP(address) === 0 ? 'unknown' : plain(address)
}

/** An IPv4 address in its own notation. */
function plain(address: string): string {
  return MAPPED.exec(address)?.[1] ?? address
}
