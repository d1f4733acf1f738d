import type { Config } from './config.ts'
import { socketPath } from './values.ts'

/** What TLS and sockets ask of a configuration; no other server loads this file. */

/** What is wrong with the options of the public address, as sentences for the operator. */
export async function frontFaults(config: Config): Promise<readonly string[]> {
  const { tlsCert, tlsKey, issuer, host, socketGroup } = config
  const isSocket = socketPath(host) !== undefined
  const isPlain = tlsCert !== undefined && issuer?.startsWith('http:') === true
  const toProxy = 'is for an address of the network: the proxy in front of a socket speaks TLS. Leave it out'
  return [
    ...(tlsCert === undefined) === (tlsKey === undefined) ? [] : ['--tls-cert and --tls-key go together'],
    ...isPlain ? [`--issuer is ${issuer}: this server speaks TLS alone. Let it begin with https`] : [],
    ...isSocket && tlsCert !== undefined ? [`--tls-cert ${toProxy}`] : [],
    ...socketGroup === undefined || await isGroup(socketGroup) ? []
      : [`--socket-group is ${socketGroup}, which /etc/group does not name. Set its number, or another group`],
    ...isSocket || socketGroup === undefined ? [] : ['--socket-group is for --host unix:PATH. Set both, or neither'],
  ]
}

async function isGroup(name: string): Promise<boolean> {
  return (await import('../system/group.ts')).groupNumber(name) !== undefined
}
