import { once } from 'node:events'
import { connect } from 'node:net'

/** Seconds after which a connection that the server keeps open is given up on: longer than its own time-outs. */
const DEADLINE = 12

/** What came back on a connection until one side closed it. */
export interface RawAnswer {
  /** The status of each answer, in order. */
  readonly statuses: readonly number[]
  readonly text: string
  /** Whether the server closed the connection. */
  readonly closed: boolean
}

/** Sends bytes as they are, and reads until the server closes, or until `enough` says so of what has come. */
export async function exchange(
  port: number,
  content: string | Uint8Array,
  enough: (text: string) => boolean = () => false,
  deadline = DEADLINE,
): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  let closed = false
  const timer = setTimeout(() => socket.destroy(), deadline * 1000)
  socket.on('error', () => {})
  socket.on('end', () => closed = true)
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    if (enough(Buffer.concat(chunks).toString('latin1'))) socket.destroy()
  })
  socket.write(typeof content === 'string' ? Buffer.from(content, 'latin1') : content)
  await once(socket, 'close')
  clearTimeout(timer)
  const text = Buffer.concat(chunks).toString('latin1')
  // An answer begins right where the body of the one before ends.
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
  return { statuses, text, closed }
}

/** Whether the text holds a whole answer with a body of the announced length. */
export function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0)
  return end >= 0 && text.length >= end + 4 + length
}
