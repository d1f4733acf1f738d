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

/** Reads the clients file, and again when it changes; the failure is a sentence for the operator. */
export async function openClients(
  path: string,
  allowShared: boolean,
  rules: RegistryRules,
  emit: Emit,
): Promise<Result<Clients, string>> {
  const first = await read(path, allowShared, rules)
  if (!first.ok) return fail(`Cannot use the clients in ${path}: ${first.error}`)
  const emitLoaded = ({ clients, issuers }: Registry): void =>
    emit({ name: 'clients.loaded', path, clients: clients.size, issuers: issuers.size })
  emitLoaded(first.value)
  const held = { registry: first.value }
  const reload = async (): Promise<void> => {
    const next = await read(path, allowShared, rules)
    if (!next.ok) return emit({ name: 'clients.failed', path, detail: next.error })
    held.registry = next.value
    emitLoaded(next.value)
  }
  const onChange = (): void => void reload()
  watchFile(path, { interval: POLL_MS, persistent: false }, onChange)
  return ok(Object.assign(held, { reload, close: () => void unwatchFile(path, onChange) }))
}

async function read(path: string, allowShared: boolean, rules: RegistryRules): Promise<Result<Registry, string>> {
  const fileRules = { othersMay: 'read', allowShared, followsLinks: true, maxBytes: MAX_CLIENTS_BYTES } as const
  const file = await readPrivate(path, fileRules)
  return file.ok ? await parseRegistry(file.value.toString(), rules) : fail(file.error.problem)
}
