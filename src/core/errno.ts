/** What the operating system reported with an error: its code (such as ENOENT), the call, and the path. */
export function errnoOf(error: unknown): Pick<NodeJS.ErrnoException, 'code' | 'syscall' | 'path'> {
  return error as NodeJS.ErrnoException
}

/** The end of a message about a failed call: `the system says ENOENT (open)`. */
export function systemSays(error: unknown): string {
  const { code = 'unknown', syscall } = errnoOf(error)
  return `the system says ${code}${syscall === undefined ? '' : ` (${syscall})`}`
}

/** A handler of rejections that answers undefined for this one error code, and throws every other error again. */
export function except(code: string): (error: unknown) => undefined {
  return (error) => {
    if (errnoOf(error).code !== code) throw error
  }
}
