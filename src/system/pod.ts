const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

/** How a pod reaches the API server of its cluster. */
export interface Pod {
  readonly urls: readonly string[]
  /** Paths. */
  readonly token: string
  readonly ca: string
}

/** What Kubernetes gives to a pod; undefined where this process runs in none. */
export function clusterOf(env: NodeJS.ProcessEnv = process.env): Pod | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env
  if (host === undefined || host === '') return undefined
  const urls = [`https://${host.includes(':') ? `[${host}]` : host}:${port}`]
  return { urls, token: `${FOLDER}/token`, ca: `${FOLDER}/ca.crt` }
}
