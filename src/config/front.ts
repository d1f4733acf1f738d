import type { Config } from './config.ts'

/** What TLS asks of a configuration; no other server loads this file. */

/** What is wrong with the options of the public address, as sentences for the operator. */
export function frontFaults({ tlsCert, tlsKey, issuer }: Config): readonly string[] {
  const isPlain = tlsCert !== undefined && issuer?.startsWith('http:') === true
  return [
    ...(tlsCert === undefined) === (tlsKey === undefined) ? [] : ['--tls-cert and --tls-key go together'],
    ...isPlain ? [`--issuer is ${issuer}: this server speaks TLS alone. Let it begin with https`] : [],
  ]
}
