import { faultEvent } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Listener, listener } from '../http/listener.ts'
import { router } from '../http/router.ts'
import { type AdminDeps, adminRoutes } from '../routes/admin.ts'
import { onSocketFile } from './socket-file.ts'

/** Opens the socket for operators, of mode 0600; the failure is a sentence for the operator. */
export async function openAdmin(
  path: string,
  deps: AdminDeps,
): Promise<Result<{ readonly url: string; readonly listeners: readonly Listener[] }, string>> {
  const plain = listener({ onFault: (error) => deps.emit(faultEvent(error)), maxConnections: 64 })
  const server = onSocketFile(plain, { path, exclusive: true })
  const bound = await server.listen({ path }, () => router(adminRoutes(deps)))
  return bound.ok ? ok({ url: bound.value, listeners: [server] })
    : fail(`Cannot listen for operators on ${path}: ${bound.error}`)
}
