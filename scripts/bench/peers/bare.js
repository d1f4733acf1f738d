import { createServer } from 'node:http'
import { body, headers, port } from './answer.js'

/** Bare node:http: the same bytes for every GET, with the time limits that Node.js sets by default. */

const server = createServer((request, response) => {
  if (request.method === 'GET') response.writeHead(200, headers).end(body)
  else response.writeHead(405, { allow: 'GET' }).end()
})
server.keepAliveTimeout = 5_000
server.headersTimeout = 60_000
server.requestTimeout = 300_000
server.listen(port, '127.0.0.1')
