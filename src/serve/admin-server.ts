import { once } from 'node:events'
import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import type { Config } from '../config/config.ts'
import type { AdminAddress } from '../config/values.ts'
import { errnoOf } from '../core/errno.ts'
import { faultEvent } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Listener, listener } from '../http/listener.ts'
import { loadAdminToken } from '../stores/admin-token.ts'
import { EXIT } from '../system/exit.ts'
import type { App } from './app.ts'

/** Nobody but the owner may connect. */
const OWNER_ONLY = 0o177

/** Why there is no listener for operators. */
interface AdminFault {
  readonly code: number
  readonly line: string
}

/** Opens the listener for operators: a socket of mode 0600, or a loopback port behind a token. */
export async function openAdmin(
  config: Config,
  address: AdminAddress,
  { adminRouter, emit }: App,
): Promise<Result<{ readonly url: string; readonly server: Listener }, AdminFault>> {
  const token = await loadAdminToken(config)
  if (!token.ok) return fail({ code: EXIT.config, line: token.error })
  const router = await adminRouter(token.value)
  if ('path' in address) await clearAway(address.path)
  const server = listener({ onFault: (error) => emit(faultEvent(error)) })
  const mask = process.umask(OWNER_ONLY)
  const binding = server.listen({ ...address, exclusive: true }, () => router)
  process.umask(mask)
  const bound = await binding
  const where = 'path' in address ? address.path : `${address.host}:${address.port}`
  if (!bound.ok) {
    return fail({ code: EXIT.unavailable, line: `Cannot listen for operators on ${where}: ${bound.error}` })
  }
  return ok({ url: bound.value, server })
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
