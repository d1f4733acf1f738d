import { closeSync, fstatSync, openSync, readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Emit } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { parseRegistry, type Registry, type RegistryRules } from '../oauth/registry.ts'

/** The registered clients, as their file says now. */
export interface Clients {
  readonly registry: () => Registry
  /** Reads the file again; a faulty one is refused whole, and what was in force stays. */
  readonly reload: () => Promise<void>
  readonly close: () => void
}

/** Milliseconds between two looks at the file. */
const LOOK_EVERY = 1000
const OTHERS_WRITE = 0o022

/** Reads the file of clients, and follows it; the failure is a sentence for the operator. */
export async function openClients(path: string, allowShared: boolean, rules: RegistryRules, emit: Emit): Promise<Result<Clients, string>> {
  const first = await read(path, allowShared, rules)
  if (!first.ok) return fail(`Cannot use the clients in ${path}: ${first.error}`)
  let registry = first.value
  const told = (): void => emit({ name: 'clients.loaded', path, clients: registry.clients.size, issuers: registry.issuers.size })
  told()
  const reload = async (): Promise<void> => {
    const next = await read(path, allowShared, rules)
    if (!next.ok) return emit({ name: 'clients.failed', path, detail: next.error })
    registry = next.value
    told()
  }
  const onChange = (): void => void reload()
  watchFile(path, { interval: LOOK_EVERY, persistent: false }, onChange)
  return ok({ registry: () => registry, reload, close: () => unwatchFile(path, onChange) })
}

async function read(path: string, allowShared: boolean, rules: RegistryRules): Promise<Result<Registry, string>> {
  const text = readOwn(path, allowShared)
  return text.ok ? await parseRegistry(text.value, rules) : text
}

function readOwn(path: string, allowShared: boolean): Result<string, string> {
  try {
    const file = openSync(path, 'r')
    try {
      const isOpenToOthers = (fstatSync(file).mode & OTHERS_WRITE) !== 0
      if (isOpenToOthers && !allowShared) return fail('group or others can write it; chmod 600, or --allow-shared-files')
      return ok(readFileSync(file, 'utf8'))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    return fail(`the system says ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
  }
}
