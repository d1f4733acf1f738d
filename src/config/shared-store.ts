import { isLoopbackHost } from '../core/loopback.ts'
import type { Config } from './config.ts'

/** What only a store on other machines asks of a configuration; no other server loads this file. */

/** The hosts of a store, each with its port if it has one. */
export function hostsOf({ store }: Pick<Config, 'store'>): readonly string[] {
  return store.split('/')[2]?.split(',') ?? []
}

/** What is wrong with the options of a store on other machines, as sentences for the operator. */
export function storeFaults(config: Config): readonly string[] {
  const { store, allowPlainStore, storeCert, storeKey, storeUser, storePasswordFile, ...rest } = config
  const isPlain = store.startsWith('etcd:') && !hostsOf(config).every(isLoopbackHost)
  const way = 'Write etcds:, or accept that with --allow-plain-store'
  return [
    ...isPlain && !allowPlainStore ? [`--store is ${store}: anyone on the way can replace what it holds. ${way}`] : [],
    ...(storeCert === undefined) === (storeKey === undefined) ? [] : ['--store-cert and --store-key go together'],
    ...(storeUser === undefined) === (storePasswordFile === undefined) ? []
      : ['--store-user and --store-password-file go together'],
    ...(rest.kubeApi === undefined) === (rest.kubeTokenFile === undefined) ? []
      : ['--kube-api and --kube-token-file go together'],
  ]
}
