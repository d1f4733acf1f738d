import { createServer } from 'node:net'
import { body, headers, port } from './answer.js'

/** A TCP server that takes each blank line for the end of a request: what Node.js can do where no HTTP is parsed. */

const END = '\r\n\r\n'
const all = [...headers, 'Date', new Date().toUTCString(), 'Connection', 'keep-alive']
const lines = all.flatMap((name, at) => at % 2 === 0 ? [`${name}: ${all[at + 1]}\r\n`] : [])
const answer = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join('')}\r\n`, 'latin1'), body])

const server = createServer({ noDelay: true }, (socket) => {
  let rest = ''
  socket.on('data', (chunk) => {
    const text = rest + chunk.toString('latin1')
    let from = 0
    for (let at = text.indexOf(END); at !== -1; at = text.indexOf(END, from)) {
      from = at + END.length
      socket.write(answer)
    }
    // Only what an end of a request may begin with is kept, for a chunk may split it.
    rest = text.slice(Math.max(from, text.length - END.length + 1))
  })
  // A client that goes away in the middle of an answer is no failure of the server.
  socket.on('error', () => socket.destroy())
})
server.listen(port, '127.0.0.1')
