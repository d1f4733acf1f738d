import { once } from 'node:events'
import { existsSync, lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { errnoOf } from '../core/errno.ts'
import { faultEvent } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Listener, listener } from '../http/listener.ts'
import { router } from '../http/router.ts'
import { type AdminDeps, adminRoutes } from '../routes/admin.ts'

/** Nobody but the owner may connect. */
const OWNER_ONLY = 0o177

/** Opens the socket for operators, of mode 0600; the failure is a sentence for the operator. */
export async function openAdmin(
  path: string,
  deps: AdminDeps,
): Promise<Result<{ readonly url: string; readonly listeners: readonly Listener[] }, string>> {
  const where = `Cannot listen for operators on ${path}`
  // Binding would report it as a lack of permission.
  if (!existsSync(dirname(path))) return fail(`${where}: its folder does not exist`)
  await clearAway(path)
  const server = listener({ onFault: (error) => deps.emit(faultEvent(error)), maxConnections: 64 })
  const mask = process.umask(OWNER_ONLY)
  const binding = server.listen({ path, exclusive: true }, () => router(adminRoutes(deps)))
  process.umask(mask)
  const bound = await binding
  return bound.ok ? ok({ url: bound.value, listeners: [server] }) : fail(`${where}: ${bound.error}`)
}

/** Removes a socket that a killed server left behind; one that answers stays, as does anything else. */
async function clearAway(path: string): Promise<void> {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return
    const socket = connect(path)
    await once(socket, 'connect')
    socket.destroy()
  } catch (error) {
    // Whatever else is wrong with the path, binding it will say.
    if (errnoOf(error).code === 'ECONNREFUSED') unlinkSync(path)
  }
}
