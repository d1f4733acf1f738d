import { userInfo } from 'node:os'

/** Who gives an order, for the record: the name after `--as`, else who called sudo, else the user of this process. */
export function operatorName(as: string | undefined): string {
  return as ?? (process.env['SUDO_USER'] || loginName())
}

function loginName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run as a user that has no name.
    return `uid ${process.geteuid?.()}`
  }
}
