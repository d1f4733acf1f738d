import type { Config } from '../../config/config.ts'
import { storeFaults } from '../../config/shared-store.ts'
import { StoreUnavailable } from '../../keyring/store.ts'
import { clusterOf } from '../../system/pod.ts'
import { secretIn, tlsAgent } from '../agents.ts'
import type { Stores, StoreSystem } from '../stores.ts'
import { apiOf } from './api.ts'
import { kubernetesRing } from './ring.ts'
import { type Secret, secretOf } from './secret.ts'

/**
 * The stores of a configuration with `kubernetes:NAMESPACE/SECRET`. Rejects with `StoreUnavailable` when its options
 * contradict each other, or when there is no cluster around and none is named.
 */
export async function openKubernetes(config: Config, { randomBytes, mayCreate = false }: StoreSystem): Promise<Stores> {
  const { store, allowShared, kubeApi, kubeTokenFile } = config
  const [fault] = storeFaults(config)
  if (fault !== undefined) throw new StoreUnavailable(fault)
  const pod = kubeApi === undefined ? clusterOf() : undefined
  const urls = kubeApi ?? pod?.urls
  if (urls === undefined) throw new StoreUnavailable('This is no pod. Set --kube-api, --kube-token-file and --store-ca')
  const [namespace = '', name = ''] = store.slice('kubernetes:'.length).split('/')
  // The files of a pod are made by the cluster, for every process in it.
  const token = async (): Promise<string> =>
    (await secretIn(kubeTokenFile ?? pod?.token ?? '', allowShared || kubeTokenFile === undefined)).trim()
  const agent = tlsAgent({ ...config, storeCa: config.storeCa ?? pod?.ca })
  const api = apiOf({ urls: urls.map((url) => new URL(url)), namespace, agent, token })
  const secret = (end: string): readonly [Secret, string] =>
    [secretOf(api, `${name}${end}`, randomBytes), `${name}${end}`]
  const ring = kubernetesRing(secret('')[0], store, mayCreate)
  const openJtis: Stores['openJtis'] = async (clocks) =>
    await (await import('./marks.ts')).kubernetesMarks({ clocks, randomBytes, secret })
  return { ring, openJtis }
}
