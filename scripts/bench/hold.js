import { connect } from 'node:net'

/** `node hold.js URL COUNT`: opens so many connections, asks once on each, then holds them until it is ended. */

const { hostname, port, pathname, host } = new URL(process.argv[2] ?? '')
const count = Number(process.argv[3])
const ASK = `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
const AT_ONCE = 100
let open = 0
let answered = 0

function next() {
  if (answered === count) return void process.stdout.write('held\n')
  if (open === count) return
  open += 1
  const socket = connect(Number(port), hostname, () => socket.write(ASK))
  socket.once('data', () => {
    answered += 1
    next()
  })
  socket.on('error', (error) => {
    console.error(`hold: ${error.message}`)
    process.exit(1)
  })
  socket.on('close', () => process.exit(1))
}
for (let at = 0; at < AT_ONCE; at += 1) if (count > 0 || at === 0) next()
setInterval(() => {}, 1000)
