import { unwatchFile, watchFile } from 'node:fs'
import type { Emit } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { parseRegistry, type RegistryRules } from '../oauth/registry.ts'
import type { Registry } from '../oauth/rules.ts'
import { readPrivate } from '../system/private-file.ts'

/** The registered clients, as in their file now. */
export interface Clients {
  readonly registry: Registry
  /** Reads the file again; if it has a fault, the clients stay as they are. */
  readonly reload: () => Promise<void>
  readonly close: () => void
}

/** Time between two looks at the file. */
const POLL_MS = 1000
const MAX_CLIENTS_BYTES = 64 * 1024 * 1024

/** Where the clients file is, and what it must keep to. */
export interface ClientsDeps extends RegistryRules {
  readonly path: string
  readonly allowShared: boolean
  readonly emit: Emit
}

/** Reads the clients file, and again when it changes; the failure is a sentence for the operator. */
export async function openClients(deps: ClientsDeps): Promise<Result<Clients, string>> {
  const { path, emit } = deps
  const first = await read(deps)
  if (!first.ok) return fail(`Cannot use the clients in ${path}: ${first.error}`)
  const held = { registry: first.value }
  const use = (registry: Registry): void => {
    held.registry = registry
    emit({ name: 'clients.loaded', path, clients: registry.clients.size, issuers: registry.issuers.size })
  }
  use(first.value)
  const reload = async (): Promise<void> => {
    const next = await read(deps)
    if (next.ok) use(next.value)
    else emit({ name: 'clients.failed', path, detail: next.error })
  }
  const onChange = (): void => void reload()
  watchFile(path, { interval: POLL_MS, persistent: false }, onChange)
  return ok(Object.assign(held, { reload, close: () => void unwatchFile(path, onChange) }))
}

async function read({ path, allowShared, ...rules }: ClientsDeps): Promise<Result<Registry, string>> {
  const fileRules = { othersMay: 'read', allowShared, followsLinks: true, maxBytes: MAX_CLIENTS_BYTES } as const
  const file = await readPrivate(path, fileRules)
  return file.ok ? await parseRegistry(file.value.toString(), rules) : fail(file.error.problem)
}
